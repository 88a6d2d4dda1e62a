import Glibc
import SystemPackage
import Testing

@testable import Impersonation

/// Scripts of `pam_exec(8)` are as they are on a host: a shell waits for what it has started by the signal of its end.
@Suite("A script that is executed at the end of a session, and waits for what it has started", .testBed)
struct WaitingScriptTests {
    /// A service with such a script.
    private struct Waiting {
        let service: PAMService
        private let note = freshPath("closed")

        init() throws {
            let script = freshPath("script")
            let text = """
                [ "$PAM_TYPE" = close_session ] || exit 0
                sleep 0.3 &
                wait
                echo closed > \(note)

                """
            try writeFile(text, to: script)
            service = try PAMService(
                ["auth", "account"].map { "\($0) required pam_permit.so" } + [
                    "session required pam_exec.so /bin/sh \(script)"
                ]
            )
        }

        /// Waits until it has gone on.
        func hasClosed() async throws -> Bool { try await isSoon(within: ample) { exists(note) } }
    }

    private let command = patient(Command(.path("/bin/true")))

    @Test("goes on behind a job")
    func job() async throws {
        let waiting = try Waiting()
        let helper = try RunningHelper(policy: waiting.service.policy)
        let launcher = PAMLauncher(helper, waiting.service)
        let process = try await launcher.launch(command, as: TestBed.alice.identity)
        #expect(try await process.exitReport().status == .exited(0))
        #expect(try await waiting.hasClosed())
    }

    @Test("goes on behind a job that has outlived its daemon")
    func keptJob() async throws {
        let waiting = try Waiting()
        let helper = try RunningHelper.keepingJobs(policy: ["pam-services = \(waiting.service.name)"])
        let gate = freshPath("gate")
        let script = "while ! [ -e \(gate) ]; do sleep 0.01; done"
        _ = try await helper.leaveJob("/bin/sh", ["-c", script], service: waiting.service.name)
        try writeFile("", to: gate)
        #expect(try await waiting.hasClosed())
    }

    @Test("goes on behind the last job of a session that several have had")
    func sharedSession() async throws {
        let waiting = try Waiting()
        let helper = try RunningHelper(policy: waiting.service.policy + ["pam-session-idle = 1"])
        let launcher = PAMLauncher(helper, waiting.service, sessions: .shared(idleTime: .seconds(3_600)))
        let process = try await launcher.launch(command, as: TestBed.alice.identity)
        #expect(try await process.exitReport().status == .exited(0))
        #expect(try await waiting.hasClosed())
    }
}
