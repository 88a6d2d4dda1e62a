import Foundation
import Glibc
import Impersonation
import QubeCompatibility
import SystemPackage
import Testing

@testable import impersonate

@Suite("impersonate run: how long a command may run", .inTestBed)
struct TimeLimitTests {
    /// A log whose file system does not answer from the start of a job to its end.
    private struct HangingLog: AuditLog {
        func append(_ record: AuditRecord) async throws(AuditLogError) {
            guard record.event == .started, let process = record.processID?.rawValue else { return }
            while kill(process, 0) == 0 { try? await Task.sleep(for: .milliseconds(10)) }
        }
    }

    @Test("its time begins with the job, not when the audit log has the start")
    func beginsWithTheJob() async {
        // In a process of its own: whoever supervises takes the signals of the whole process.
        await #expect(processExitsWith: .success) {
            let scratch = try Scratch()
            let file = try scratch.write("worker.conf", "proxy_execution_mode = user\n")
            let worker = Worker(try WorkerConfiguration.load(from: FilePath(file), trust: .readOnly).configuration)
            let supervision = Supervision(
                impersonator: { announce in
                    Impersonator(
                        resolver: worker.resolver,
                        launcher: AnnouncingLauncher(launcher: SetUIDLauncher(), announce: announce),
                        audit: HangingLog()
                    )
                },
                timeLimit: .milliseconds(200)
            )
            // Ends by itself, so that a limit that begins too late makes this test fail and not hang.
            let result = await supervision.run(
                Command(.path("/bin/sleep"), arguments: ["20"]),
                for: ExecutionRequest(login: "alice")
            )
            #expect(result.timedOut)
            #expect(try result.end?.get().status == .signaled(.terminate))
        }
    }
}
