import Foundation
import Glibc
import Testing

@testable import impersonate

@Suite("impersonate run: its options", .inTestBed)
struct RunOptionsTests {
    private let scratch: Scratch
    private var tool = Tool()

    init() throws {
        scratch = try Scratch()
    }

    private func run(_ arguments: [String], settings: [String] = [], _ command: [String]) async throws -> Tool.Outcome {
        let configuration = try scratch.configure(["proxy_execution_mode = user"] + settings)
        return try await tool.run(["run"] + configuration + ["--login", "alice"] + arguments + ["--"] + command)
    }

    private func report(_ text: String) throws -> Report {
        try JSONDecoder().decode(Report.self, from: Data(text.utf8))
    }

    @Test("the report has identity, rules, status and times, in a file with mode 0600")
    func writesTheReport() async throws {
        let outcome = try await run(
            ["--report", scratch.file("report"), "--json"],
            ["sh", "-c", "echo hello; exit 7"]
        )
        #expect(outcome.status == 7)
        #expect(outcome.output == "hello\n")
        #expect(outcome.messages == "")

        let report = try report(scratch.read("report"))
        #expect(report.outcome == "identity")
        #expect(report.reason == "selfAllowed")
        #expect(report.login == "alice")
        #expect(report.requested == nil)
        #expect(report.mode == "user")
        #expect(report.account == "alice")
        #expect(report.uid == 2_001)
        #expect(report.gid == 2_001)
        #expect(report.groups == [2_001, 3_001, 3_002])
        #expect(report.rules.first?.rule == "userMode")
        #expect(report.rules.first?.source == scratch.file("worker.conf"))
        #expect(report.rules.first?.line == 1)
        let launch = try #require(report.launch)
        #expect(launch.backend == "setuid")
        #expect(launch.status?.exited == 7)
        #expect(launch.step == nil)
        #expect(try #require(launch.pid) > 1)
        let timings = try #require(launch.timings)
        let parts = [timings.preparation, timings.clone, timings.confirmation].compactMap(\.self)
        #expect(parts.count == 3 && parts.allSatisfy { $0 > 0 })
        #expect(abs(try #require(timings.start) - parts.reduce(0, +)) < 1e-9)
        #expect(launch.attestation?.isEmpty == false)
        #expect(launch.containment?.kind == "session")
        #expect(launch.containment?.path == nil)
        #expect(launch.usage != nil)
        let attributes = try FileManager.default.attributesOfItem(atPath: scratch.file("report"))
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test("every key of the documented shape is in the report, null where nothing is known")
    func keepsTheShape() async throws {
        _ = try await run(["--report", scratch.file("report")], ["true"])
        let object = try JSONSerialization.jsonObject(with: Data(scratch.read("report").utf8)) as? [String: Any]
        let keys = Set(try #require(object).keys)
        #expect(
            keys.isSuperset(of: [
                "outcome", "login", "requested", "mode", "account", "domain", "uid", "gid", "groups", "reason", "rules",
                "backend", "pid", "status", "step", "errno", "usage", "timings",
                "attestation",
            ])
        )
        let rules = try #require(object?["rules"] as? [[String: Any]])
        #expect(rules.allSatisfy { Set($0.keys) == ["rule", "source", "line", "text"] })
    }

    @Test("with --json alone the report goes to standard error, and standard output is the job's")
    func printsTheReport() async throws {
        let outcome = try await run(["--json"], ["sh", "-c", "echo hello; kill -9 $$"])
        #expect(outcome.status == 137)
        #expect(outcome.output == "hello\n")
        #expect(try report(outcome.messages).launch?.status?.signaled == 9)
    }

    @Test("a launch that failed is reported with step and error number")
    func reportsTheStep() async throws {
        let outcome = try await run(["--json"], ["/no/such/program"])
        #expect(outcome.status == 125)
        let report = try report(outcome.messages)
        #expect(report.outcome == "error")
        #expect(report.reason == "executableNotStarted")
        #expect(report.account == "alice")
        #expect(report.launch?.step == "execute")
        #expect(report.launch?.errno == ENOENT)
        #expect(report.launch?.status == nil)
    }

    @Test("a denial is reported")
    func reportsTheDenial() async throws {
        let outcome = try await run(["--json", "--as", "bob"], ["true"])
        #expect(outcome.status == 125)
        let report = try report(outcome.messages)
        #expect(report.outcome == "denied")
        #expect(report.reason == "notGranted")
        #expect(report.requested == "bob")
        #expect(report.rules.last?.rule == "grant")
        #expect(report.launch?.pid == nil)
    }

    @Test("a report replaces what stood in its place and follows no link")
    func replacesTheReport() async throws {
        try scratch.write("victim", "untouched")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.file("report"),
            withDestinationPath: scratch.file("victim")
        )
        #expect(try await run(["--report", scratch.file("report")], ["true"]).status == 0)
        #expect(try scratch.read("victim") == "untouched")
        #expect(try report(scratch.read("report")).outcome == "identity")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == [
                "audit.jsonl", "report", "victim", "worker.conf",
            ]
        )
    }

    @Test("nothing runs when the report cannot be written", arguments: ["absent/report", "", "directory", "/dev/null"])
    func runsNothingUnreported(_ name: String) async throws {
        try scratch.makeDirectory("directory", owner: 0)
        let place = name.hasPrefix("/") ? name : name.isEmpty ? "" : scratch.file(name)
        let outcome = try await run(["--report", place], ["touch", scratch.file("ran")])
        #expect(outcome.status == 125)
        #expect(outcome.messages.contains("reportNotWritable"))
        #expect(!scratch.has("ran"))
        #expect(FileManager.default.fileExists(atPath: "/dev/null"))
    }

    @Test(
        "the environment is the one that was asked for, and the configured one otherwise",
        arguments: [
            (["--env", "clean"], "clean", ["HOME", "LOGNAME", "PATH", "SHELL", "USER"]),
            ([], "clean", ["HOME", "LOGNAME", "PATH", "SHELL", "USER"]),
            (
                ["--export", "COLOUR", "--export", "ABSENT"], "clean",
                ["COLOUR", "HOME", "LOGNAME", "PATH", "SHELL", "USER"]
            ),
            (["--env", "export", "--export", "HOME"], "clean", ["HOME", "LOGNAME", "PATH", "SHELL", "USER"]),
            (["--export", "LD_PRELOAD"], "clean", ["HOME", "LOGNAME", "PATH", "SHELL", "USER"]),
        ]
    )
    func buildsTheEnvironment(_ arguments: [String], configured: String, names: [String]) async throws {
        var tool = tool
        tool.environment["COLOUR"] = "blue"
        tool.environment["LD_PRELOAD"] = ""
        tool.environment["HOME"] = "/root"
        let configuration = try scratch.configure(["proxy_execution_mode = user", "environment = \(configured)"])
        let outcome = try await tool.run(
            ["run"] + configuration + ["--login", "alice"] + arguments + ["--", "/usr/bin/env"]
        )
        #expect(outcome.lines.map { String($0.prefix { $0 != "=" }) }.sorted() == names)
        #expect(outcome.lines.contains("HOME=/bed/home/alice"))
        #expect(outcome.lines.contains("COLOUR=blue") == names.contains("COLOUR"))
    }

    @Test("the login environment comes from the login shell of the account")
    func buildsTheLoginEnvironment() async throws {
        let outcome = try await run(["--env", "login"], ["sh", "-c", "echo $HOME $USER"])
        #expect(outcome.status == 0)
        #expect(outcome.lines.last == "/bed/home/alice alice")
    }

    @Test("the job starts at home, or where it was told to")
    func startsInTheDirectory() async throws {
        #expect(try await run([], ["pwd"]).output == "/bed/home/alice\n")
        #expect(try await run(["--working-directory", "/usr"], ["pwd"]).output == "/usr\n")
        let closed = try await run(["--working-directory", "/bed/private"], ["pwd"])
        #expect(closed.status == 125)
        #expect(closed.messages.contains("step    workingDirectory, errno 13"))
    }

    @Test(
        "the nice value is the one asked for, else the configured one, else zero",
        arguments: [
            ([], [], "0"), ([], ["proxy_nice_value = 7"], "7"), (["--nice", "12"], ["proxy_nice_value = 7"], "12"),
        ]
    )
    func setsTheNiceValue(_ arguments: [String], settings: [String], value: String) async throws {
        #expect(try await run(arguments, settings: settings, ["nice"]).output == "\(value)\n")
    }

    @Test("both ways of isolation run the job as the account", arguments: ["isolated", "direct"])
    func isolates(_ isolation: String) async throws {
        let outcome = try await run(["--isolation", isolation], ["id", "-u"])
        #expect(outcome.status == 0)
        #expect(outcome.output == "2001\n")
    }

    @Test("a job whose time is up gets TERM, with everything in its group, and the tool ends with 124")
    func endsInTime() async throws {
        // Not `wait`: a shell that is told between its fork and that ends without having heard.
        let script = "trap 'echo asked; exit 3' TERM; while :; do sleep 0.05; done"
        let outcome = try await run(["--timeout", "1s", "--report", scratch.file("report")], ["sh", "-c", script])
        #expect(outcome.status == 124)
        #expect(outcome.output == "asked\n")
        #expect(outcome.messages.contains("its time was up"))
        let launch = try report(scratch.read("report")).launch
        #expect(launch?.timedOut == true)
        #expect(launch?.status?.exited == 3)
    }

    @Test("a job that does not listen is killed five seconds later")
    func killsTheDeaf() async throws {
        let script = "trap '' TERM; while :; do sleep 1000; done"
        let outcome = try await run(["--timeout", "0.2s", "--report", scratch.file("report")], ["sh", "-c", script])
        #expect(outcome.status == 124)
        let launch = try report(scratch.read("report")).launch
        #expect(launch?.status?.signaled == SIGKILL)
        #expect(try #require(launch?.usage).wall >= 5)
    }

    @Test("a job that ends in time ends as it does", arguments: ["5s", "1m", "0.5h"])
    func endsBeforeTime(_ limit: String) async throws {
        #expect(try await run(["--timeout", limit], ["sh", "-c", "exit 9"]).status == 9)
    }
}
