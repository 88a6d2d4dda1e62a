import Foundation
import Glibc
import Testing

@testable import impersonate

@Suite("impersonate --backend helper, for an account without any privilege", .inTestBed)
struct HelperBackendTests {
    private static let renderd = 990

    private let scratch: Scratch
    private let configuration: [String]
    private let tool = Tool.asAccount(renderd)

    init() throws {
        scratch = try Scratch()
        try scratch.makeDirectory("logs", owner: Self.renderd)
        let lines = [
            "proxy_execution_mode = proxy", "proxy_account = render_user",
            "audit_log = \(scratch.file("logs/audit.jsonl"))",
        ]
        configuration = ["--config", try scratch.write("worker.conf", lines.joined(separator: "\n") + "\n")]
    }

    /// Calls a closure while a system helper with a policy runs.
    private func withHelper(_ policy: String, _ body: (_ options: [String]) async throws -> Void) async throws {
        let bed = ProcessInfo.processInfo.environment["IMPERSONATION_TEST_BED_DIR"] ?? "/nonexistent"
        let directory = "\(bed)/helper-\(UInt64.random(in: 0...UInt64.max))"
        let everybody: [FileAttributeKey: Any] = [.posixPermissions: 0o755]
        try FileManager.default.createDirectory(
            atPath: directory,
            withIntermediateDirectories: false,
            attributes: everybody
        )
        try Data(policy.utf8).write(to: URL(filePath: "\(directory)/policy"))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: "\(directory)/policy")
        let socket = "\(directory)/socket"
        let words = [
            "\(bed)/bin/impersonation-helper", "--policy", "\(directory)/policy", "--socket", socket,
            "--socket-group", "990",
        ]
        let helper = try Self.spawn(words)
        defer {
            kill(helper, SIGTERM)
            while waitpid(helper, nil, 0) < 0, errno == EINTR {}
        }
        while !FileManager.default.fileExists(atPath: socket) {
            var ended = unsafe siginfo_t()
            try #require(unsafe waitid(P_PID, id_t(helper), &ended, WEXITED | WNOHANG | WNOWAIT) == 0)
            try #require(unsafe ended._sifields._sigchld.si_pid == 0, "the helper has ended")
            try await Task.sleep(for: .milliseconds(2))
        }
        try await body(["--backend", "helper", "--helper-socket", socket])
    }

    /// Starts a process without Foundation's `Process`, which takes one for ended that closes what it was started with, as
    /// the helper does, and then waits for it before it looks at any other.
    private static func spawn(_ words: [String]) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
        }
        var environment: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("PATH=/usr/bin:/bin"), nil]
        defer { unsafe free(environment[0]) }
        var process: pid_t = 0
        try #require(unsafe posix_spawn(&process, words[0], &actions, nil, &arguments, &environment) == 0)
        return process
    }

    @Test("runs the command as the account of the policy, with its streams and its exit status")
    func runs() async throws {
        try await withHelper("peers = 990\naccounts = render_user\n") { options in
            let command = ["sh", "-c", "id -un; cat; exit 7"]
            let outcome = try await tool.run(["run"] + configuration + options + ["--"] + command, input: "frame 101\n")
            #expect(outcome.output == "render_user\nframe 101\n")
            #expect(outcome.messages == "")
            #expect(outcome.status == 7)
        }
    }

    @Test("says what the helper's policy does not permit, and exits with 125")
    func refusal() async throws {
        try await withHelper("peers = 990\naccounts = alice\n") { options in
            let outcome = try await tool.run(["run"] + configuration + options + ["--", "id"])
            #expect(outcome.status == 125)
            #expect(outcome.output == "")
            #expect(outcome.messages.contains("the system helper refused the launch (account-not-permitted)"))
        }
    }

    @Test("says that no helper listens, and what to do")
    func noHelper() async throws {
        let options = ["--backend", "helper", "--helper-socket", "/nonexistent/socket"]
        let outcome = try await tool.run(["run"] + configuration + options + ["--", "id"])
        #expect(outcome.status == 125)
        #expect(
            outcome.messages.contains("no system helper listens at /nonexistent/socket; start impersonation-helper")
        )
        let doctor = try await tool.run(["doctor"] + configuration + options)
        #expect(doctor.status == 1)
        #expect(doctor.output.contains("does not answer at /nonexistent/socket"))
    }

    @Test("doctor asks the helper itself")
    func doctor() async throws {
        try await withHelper("peers = 990\naccounts = render_user\n") { options in
            let outcome = try await tool.run(["doctor"] + configuration + options)
            #expect(outcome.output.contains("gives jobs no cgroups"), "\(outcome.output)")
        }
        try await withHelper("peers = 0\naccounts = render_user\n") { options in
            let outcome = try await tool.run(["doctor"] + configuration + options)
            #expect(outcome.output.contains("refuses this process: user id 990 may not use the helper"))
            #expect(outcome.status == 1)
        }
    }
}
