import Foundation
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
        try await HelperOfTool.running(policy) { try await body(["--backend", "helper"] + $0) }
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

    // As in a container: the number that the helper tells of the job is there another process's.
    @Test("runs the command also for a process of another pid namespace, which ends it by its descriptor")
    func otherNamespace() async throws {
        let others = """
            n=$(cat /proc/sys/kernel/ns_last_pid)
            exec unshare --pid --fork --kill-child --mount-proc sh -c '
            echo $(($0 + 200)) > /proc/sys/kernel/ns_last_pid
            for i in $(seq 200); do sleep 1000 & done
            "$@"' "$n" "$@"
            """
        let tool = Tool(prefix: ["/bin/sh", "-c", others, "sh"] + tool.prefix)
        try await withHelper("peers = 990\naccounts = render_user\n") { options in
            let options = configuration + options + ["--json", "--"]
            let outcome = try await tool.run(["run"] + options + ["sh", "-c", "id -un; exit 7"])
            #expect(outcome.output == "render_user\n")
            #expect(outcome.messages.contains(#""attestation":"none (unreadable)""#), "\(outcome.messages)")
            #expect(outcome.status == 7)
            let late = try await tool.run(["run", "--timeout", "0.2s"] + options + ["sleep", "1000"])
            #expect(late.messages.contains(#""timed_out":true"#), "\(late.messages)")
            #expect(late.messages.contains(#""remaining_processes":0"#))
            #expect(late.status == 124)
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

    @Test("says which versions of the protocol a helper and `doctor` speak that do not understand each other")
    func earlierVersion() async throws {
        let path = scratch.file("earlier.sock")
        let helper = try EarlierHelper(at: path)
        async let report = tool.run(["doctor"] + configuration + ["--backend", "helper", "--helper-socket", path])
        try await helper.refuseOne()
        let doctor = try await report
        #expect(doctor.status == 1)
        #expect(
            doctor.output.contains("speaks version 1 of the protocol, and this program version 2"),
            "\(doctor.output)"
        )
    }

    @Test("believes no other user id than the helper's, which can be named: neither `run` nor `doctor` does")
    func user() async throws {
        try await withHelper("peers = 990\naccounts = render_user\n") { options in
            for (user, isBelieved) in [("0", true), ("991", false)] {
                let options = options + ["--helper-user", user]
                let outcome = try await tool.run(["run"] + configuration + options + ["--", "true"])
                #expect(outcome.status == (isBelieved ? 0 : 125), "\(outcome.messages)")
                #expect(outcome.messages.contains("runs as user id 0, which is not the helper's") == !isBelieved)
                let doctor = try await tool.run(["doctor"] + configuration + options)
                let finding = try #require(doctor.lines.first { $0.dropFirst(9).hasPrefix("system helper ") })
                #expect(finding.hasPrefix("failed") == !isBelieved, "\(finding)")
                #expect(finding.contains("by user id 0, and not by user id 991; if") == !isBelieved)
                #expect(finding.contains("--helper-user 0") == !isBelieved)
            }
        }
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
