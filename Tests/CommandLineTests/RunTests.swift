import Foundation
import Testing

@testable import impersonate

@Suite("impersonate run: as whom, and with which exit status", .inTestBed)
struct RunTests {
    private let scratch: Scratch
    private let tool = Tool()

    init() throws {
        scratch = try Scratch()
    }

    private func run(_ arguments: [String], mode: String = "user", _ command: [String]) async throws -> Tool.Outcome {
        let configuration = try scratch.configure(["proxy_execution_mode = \(mode)", "proxy_account = render_user"])
        return try await tool.run(["run"] + configuration + arguments + ["--"] + command)
    }

    @Test(
        "id prints exactly the account's user id, group and groups",
        arguments: [
            ("proxy", "alice", 2_101, [2_101, 3_001, 3_002, 3_003] + Array(3_101...3_120)),
            ("user", "alice", 2_001, [2_001, 3_001, 3_002]),
            ("user", "bob", 2_002, [2_002]),
            ("user", "carol", 2_003, [2_003, 3_001]),
        ]
    )
    func runsAsTheAccount(mode: String, login: String, id: Int, groups: [Int]) async throws {
        let script = "/usr/bin/id -u; /usr/bin/id -g; /usr/bin/id -G"
        let outcome = try await run(["--login", login], mode: mode, ["sh", "-c", script])
        #expect(outcome.status == 0)
        #expect(outcome.messages == "")
        #expect(outcome.lines.prefix(2) == ["\(id)", "\(id)"])
        #expect(outcome.lines.last?.split(separator: " ").compactMap { Int($0) }.sorted() == groups)
    }

    @Test("the exit status is the job's", arguments: [0, 1, 2, 7, 64, 124, 125, 126, 127, 128, 255])
    func passesTheStatusOn(_ status: Int32) async throws {
        let outcome = try await run(["--login", "alice"], ["sh", "-c", "exit \(status)"])
        #expect(outcome.status == status)
        #expect(outcome.messages == "")
    }

    @Test("a job that is ended by signal N ends the tool with 128+N", arguments: [1, 2, 6, 9, 11, 15] as [Int32])
    func passesTheSignalOn(_ signal: Int32) async throws {
        let outcome = try await run(["--login", "alice"], ["sh", "-c", "ulimit -c 0; kill -\(signal) $$"])
        #expect(outcome.status == 128 + signal)
    }

    @Test("arguments arrive byte for byte and pass no shell")
    func passesArguments() async throws {
        let arguments = ["a b", "$HOME;id", "--login", "--", "", "*", "line\nfeed"]
        let outcome = try await run(["--login", "alice"], ["printf", "[%s]"] + arguments)
        #expect(outcome.output == arguments.map { "[\($0)]" }.joined())
    }

    @Test("standard input, output and error are the tool's own")
    func passesStreams() async throws {
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        let outcome = try await tool.run(
            ["run"] + configuration + ["--login", "alice", "--", "sh", "-c", "cat; echo oops >&2"],
            input: "from the caller"
        )
        #expect(outcome.output == "from the caller")
        #expect(outcome.messages == "oops\n")
    }

    @Test(
        "what is refused ends with 125 and says which rule of which line refused it",
        arguments: [
            (["--login", "svc999"], "belowMinimumUserID", "minimumUserID at {config}:3"),
            (["--login", "root"], "superuser", "superuser at built-in"),
            (["--login", "toor"], "superuser", "account toor has user id 0"),
            (["--login", "rootgroup"], "superuserGroup", "superuserGroup at built-in"),
            (["--login", "bob2"], "deniedAccount", "{config}:4"),
            (["--login", "alice", "--as", "bob"], "notGranted", "login   alice, as bob"),
            ([], "noAccountNamed", "login   nobody"),
            (["--login", "nobody-here"], "accountNotFound", "nobody-here"),
            (["--login", "al\u{1B}[2Jice"], "invalidAccountName", "login   al\\u001b[2Jice"),
        ]
    )
    func refuses(_ arguments: [String], reason: String, text: String) async throws {
        let configuration = try scratch.configure([
            "proxy_execution_mode = user", "proxy_account = render_user", "minimum_uid = 1000",
            "denied_accounts = bob2",
        ])
        let outcome = try await tool.run(
            ["run"] + configuration + arguments + ["--", "touch", scratch.file("ran")]
        )
        #expect(outcome.status == 125)
        #expect(outcome.output == "")
        #expect(outcome.messages.hasPrefix("impersonate: refused"))
        #expect(outcome.messages.contains(" \(reason): "))
        #expect(outcome.messages.contains(text.replacing("{config}", with: scratch.file("worker.conf"))))
        #expect(!outcome.messages.contains("\u{1B}"))
        #expect(!scratch.has("ran"))
        #expect(try scratch.read("audit.jsonl").contains("\"reason\":\"\(reason)\""))
    }

    @Test(
        "what cannot be started ends with 125, the step and the error number, unlike a job that exits with 127",
        arguments: [
            ("/no/such/program", "step    execute, errno 2"), ("no-such-program", "executableNotStarted"),
            ("/bed/root-only", "step    execute, errno 13"), ("/bed/private/secret", "errno 13"),
        ]
    )
    func tellsWhatCannotBeStarted(_ program: String, text: String) async throws {
        let outcome = try await run(["--login", "alice"], [program])
        #expect(outcome.status == 125)
        #expect(outcome.messages.hasPrefix("impersonate: not started: executableNotStarted: "))
        #expect(outcome.messages.contains(text))
    }

    @Test(
        "a command line that makes no sense ends with 64",
        arguments: [
            ["run"], ["run", "--login", "alice"], ["run", "--logn", "alice", "--", "id"], ["run", "--", ""],
            ["run", "--nice", "40", "--", "id"], ["run", "--timeout", "2", "--", "id"],
            ["run", "--timeout", "-2s", "--", "id"], ["run", "--timeout", "0s", "--", "id"],
            ["run", "--env", "all", "--", "id"], ["run", "--env", "clean", "--export", "A", "--", "id"],
            ["run", "--export", "A=b", "--", "id"], ["run", "--backend", "magic", "--", "id"],
            ["run", "--isolation", "none", "--", "id"], ["fly"], ["explain", "--as"],
            ["doctor", "--sudo-names-group"], ["sudoers", "--sudo-names-group"],
            ["run", "--helper-user", "x", "--", "id"],
        ]
    )
    func refusesNonsense(_ arguments: [String]) async throws {
        let outcome = try await tool.run(arguments)
        #expect(outcome.status == 64)
        #expect(outcome.output == "")
        #expect(outcome.messages.hasPrefix("Error: "))
    }

    @Test("a backend that needs the system helper ends with 125 where there is none", arguments: ["pam", "helper"])
    func missesTheHelper(_ backend: String) async throws {
        let options = ["--login", "alice", "--backend", backend, "--helper-socket", scratch.file("helper.sock")]
        let outcome = try await run(options, ["true"])
        #expect(outcome.status == 125)
        #expect(outcome.messages.contains("no system helper listens at \(scratch.file("helper.sock"))"))
    }

    @Test("a configuration with an error runs nothing and names its line")
    func refusesBrokenConfiguration() async throws {
        let configuration = try scratch.configure(["proxy_execution_mode = usr"])
        let outcome = try await tool.run(["run"] + configuration + ["--login", "alice", "--", "true"])
        #expect(outcome.status == 125)
        #expect(outcome.messages.contains("configurationInvalid: \(scratch.file("worker.conf")):1: error: "))
    }

    @Test("nothing runs while the audit log cannot be written")
    func runsNothingUnaudited() async throws {
        try scratch.write("audit.jsonl", "")
        let outcome = try await run(["--login", "alice"], ["touch", scratch.file("ran")])
        #expect(outcome.status == 125)
        #expect(outcome.messages.contains("auditFailed"))
        #expect(outcome.messages.contains("chmod 600 \(scratch.file("audit.jsonl"))"))
        #expect(!scratch.has("ran"))
    }

    @Test("the audit log has the decision, the start and the end, and no argument")
    func audits() async throws {
        _ = try await run(["--login", "alice"], ["sh", "-c", "exit 3", "canary"])
        let audit = try scratch.read("audit.jsonl")
        let events = audit.split(separator: "\n")
            .map { line in
                ["decision", "started", "ended"].first { line.contains("\"event\":\"\($0)\"") }
            }
        #expect(events == ["decision", "started", "ended"])
        #expect(audit.contains("\"status\":{\"exited\":3}"))
        #expect(!audit.contains("canary"))
    }

    @Test("an ordinary account that runs the tool is the login, and can name nobody else")
    func bindsTheCaller() async throws {
        let alice = Tool.asAccount(2_001)
        try scratch.makeDirectory("alice", owner: 2_001)
        let configuration = [
            "--config",
            try scratch.write(
                "worker.conf",
                "service_mode = desktop\naudit_log = \(scratch.file("alice/audit.jsonl"))\n"
            ),
        ]
        let own = try await alice.run(["run"] + configuration + ["--", "id", "-u"])
        #expect(own.status == 0)
        #expect(own.output == "2001\n")

        let other = try await alice.run(["run"] + configuration + ["--login", "bob", "--", "id", "-u"])
        #expect(other.status == 125)
        #expect(other.output == "")
        #expect(other.messages.contains("loginNotCaller: alice runs this tool and may not say that the login is bob"))
        #expect(try scratch.read("alice/audit.jsonl").contains("\"reason\":\"loginNotCaller\""))
    }

    @Test("without privileges nothing is switched to")
    func needsPrivilege() async throws {
        let alice = Tool.asAccount(2_001)
        try scratch.makeDirectory("alice", owner: 2_001)
        let configuration = try scratch.write(
            "worker.conf",
            "proxy_account = render_user\naudit_log = \(scratch.file("alice/audit.jsonl"))\n"
        )
        let outcome = try await alice.run(["run", "--config", configuration, "--", "id", "-u"])
        #expect(outcome.status == 125)
        #expect(outcome.output == "")
        #expect(outcome.messages.hasPrefix("impersonate: not started: "))
    }
}
