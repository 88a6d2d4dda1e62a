import Foundation
import Glibc
import Testing

@Suite("impersonate run --stdin: a password", .inTestBed, .timeLimit(.minutes(2)))
struct PasswordTests {
    private static let renderd = 990
    private static let right = "alice-secret"

    private let scratch: Scratch
    private let service: ServiceOfTool
    private let tool = Tool.asAccount(renderd)

    init() throws {
        scratch = try Scratch()
        try scratch.makeDirectory("logs", owner: Self.renderd)
        service = try ServiceOfTool()
    }

    /// The arguments of a run as an account, which PAM lets in.
    private func arguments(as account: String) throws -> [String] {
        let lines = [
            "proxy_account = \(account)", "launch_backend = pam", "pam_service = \(service.name)",
            "audit_log = \(scratch.file("logs/audit.jsonl"))",
        ]
        let file = try scratch.write("worker.conf", lines.joined(separator: "\n") + "\n")
        return ["run", "--config", file, "--stdin", "--report", scratch.file("logs/report")]
    }

    private func withHelper(_ body: (_ options: [String]) async throws -> Void) async throws {
        let policy =
            "peers = \(Self.renderd)\naccounts = *\npam-services = \(service.name)\npam-sessions = authenticated\n"
        try await HelperOfTool.running(policy, body)
    }

    private func report() throws -> String { try scratch.read("logs/report") }

    @Test("of the account opens its session, and the command gets nothing of what comes behind it")
    func right() async throws {
        try await withHelper { helper in
            let outcome = try await tool.run(
                try arguments(as: "alice") + helper + [
                    "--", "sh", "-c", "id -un; readlink /proc/self/fd/0; cat; exit 7",
                ],
                input: "\(Self.right)\nmore\n"
            )
            #expect(outcome.output == "alice\n/dev/null\n")
            #expect(outcome.messages == "")
            #expect(outcome.status == 7)
            #expect(service.tries == 1)
            // The end of the input ends a line as well.
            let unended = try await tool.run(
                try arguments(as: "alice") + helper + ["--", "id", "-un"],
                input: Self.right
            )
            #expect(unended.output == "alice\n")
        }
    }

    @Test("that is wrong, expired, or of an account that is, is tried once: the tool says so, and exits with 125")
    func refused() async throws {
        try await withHelper { helper in
            for (account, password, reason, text) in [
                ("alice", "canary-wrong", "credentialRejected", "Authentication failure"),
                ("expired", "expired-secret", "accountExpired", "User account has expired"),
                ("mustchange", "mustchange-secret", "credentialExpired", "Authentication token is no longer valid"),
            ] {
                let before = service.tries
                let outcome = try await tool.run(
                    try arguments(as: account) + helper + ["--", "id"],
                    input: "\(password)\n"
                )
                #expect(outcome.status == 125)
                #expect(outcome.output == "")
                #expect(outcome.messages.contains(text), "\(outcome.messages)")
                #expect(try report().contains(#""outcome":"badlogin""#))
                #expect(try report().contains(#""reason":"\#(reason)""#))
                #expect(service.tries == before + 1)
                let told = try outcome.messages + report() + scratch.read("logs/audit.jsonl")
                #expect(!told.contains(password))
            }
        }
    }

    @Test(
        "that none can be is refused before anybody is asked",
        arguments: ["", "\n", String(repeating: "p", count: 512) + "\n", "with\0zero\n"]
    )
    func impossible(_ input: String) async throws {
        try await withHelper { helper in
            let outcome = try await tool.run(try arguments(as: "alice") + helper + ["--", "id"], input: input)
            #expect(outcome.status == 125)
            #expect(outcome.output == "")
            #expect(outcome.messages.contains("one to 511 bytes without NUL"), "\(outcome.messages)")
            #expect(try report().contains(#""reason":"invalidSecret""#))
            #expect(!outcome.messages.contains("ppp"))
            #expect(service.tries == 0)
        }
    }

    @Test("that nobody would prove is refused", arguments: ["setuid", "helper"])
    func unused(_ backend: String) async throws {
        let outcome = try await Tool()
            .run(try arguments(as: "alice") + ["--backend", backend, "--login", "alice", "--", "id"], input: "x\n")
        #expect(outcome.status == 125)
        #expect(outcome.messages.contains("the backend \(backend) proves no password; leave --stdin out"))
        #expect(try report().contains(#""reason":"passwordNotUsed""#))
        let settings = "service_mode = desktop\naudit_log = \(scratch.file("logs/audit.jsonl"))\n"
        let file = try scratch.write("desktop.conf", settings)
        let desktop = try await tool.run(["run", "--config", file, "--stdin", "--", "id"])
        #expect(desktop.status == 125)
        #expect(desktop.messages.contains("desktop mode"))
    }

    @Test("is not needed by the backend unless --stdin is there")
    func withoutOption() async throws {
        try await HelperOfTool.running("peers = \(Self.renderd)\naccounts = *\npam-services = \(service.name)\n") {
            helper in
            let arguments = try arguments(as: "alice").filter { $0 != "--stdin" } + helper + ["--", "cat"]
            let outcome = try await tool.run(arguments, input: "input\n")
            #expect(outcome.output == "input\n")
            #expect(service.tries == 0)
        }
    }

    @Test(
        "is in no command line and no environment of any process, and in nothing the tool writes, while it is proven and after"
    )
    func nowhere() async throws {
        let canary = Tool(prefix: ["/bin/sleep", "100000"], environment: ["CANARY": Self.right])
        _ = try await canary.run([], omittingTool: true) { process in
            // The start of a program is told before the kernel has noted where its environment is (execve(2)).
            var found: [String] = []
            let deadline = ContinuousClock.now + .seconds(60)
            while found.isEmpty, ContinuousClock.now < deadline { found = try Self.places() }
            #expect(found == ["/proc/\(process)/environ"], "what is there is found")
            kill(process, SIGKILL)
        }
        try service.closeGate()
        try await withHelper { helper in
            let ready = scratch.file("logs/ready")
            for made in [
                unsafe mkfifo(ready, 0o666), unsafe chmod(ready, 0o666), unsafe chmod(scratch.file("logs"), 0o711),
            ] {
                #expect(made == 0)
            }
            let outcome = try await tool.run(
                try arguments(as: "alice") + helper
                    + [
                        "--", "sh", "-c",
                        "echo ready > \(ready); cat \(ready) > /dev/null; env; exec cat /proc/self/cmdline",
                    ],
                input: "\(Self.right)\n"
            ) { _ in
                while service.tries == 0 { try await Task.sleep(for: .milliseconds(1)) }
                let before = try Self.places()
                #expect(before == [])
                try service.openGate()
                try await Self.reading(ready)
                let after = try Self.places()
                #expect(after == [])
                try await Self.writing(ready)
            }
            #expect(outcome.status == 0, "\(outcome.messages)")
            let told = try outcome.output + outcome.messages + report() + scratch.read("logs/audit.jsonl")
            #expect(!told.contains(Self.right))
            #expect(told.contains("USER=alice"))
        }
    }

    /// The command lines and environments that have the password in them.
    private static func places() throws -> [String] {
        let password = Array(right.utf8)
        return try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int32($0) != nil }
            .flatMap { process in ["cmdline", "environ"].map { "/proc/\(process)/\($0)" } }
            .filter { (FileManager.default.contents(atPath: $0) ?? Data()).firstRange(of: password) != nil }
    }

    /// Opens a pipe, which waits for somebody at its other end, and reads to the end of it.
    private static func reading(_ pipe: String) async throws {
        try await Task.detached { _ = try FileHandle(forReadingFrom: URL(filePath: pipe)).readToEnd() }.value
    }

    private static func writing(_ pipe: String) async throws {
        try await Task.detached { try FileHandle(forWritingTo: URL(filePath: pipe)).close() }.value
    }
}
