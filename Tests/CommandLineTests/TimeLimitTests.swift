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
            let result = try await supervision.run(
                Command(.path("/bin/sleep"), arguments: ["20"]),
                for: ExecutionRequest(login: "alice")
            )
            #expect(result.timedOut)
            #expect(try result.end?.get().status == .signaled(.terminate))
        }
    }

    @Test(
        "with --control-groups its time is up for everything the command has started",
        .enabled(if: Scratch.controlGroups != nil, "needs a directory of cgroup v2, which root can make: make test")
    )
    func endsEverything() async throws {
        let scratch = try Scratch()
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        let place = try #require(Scratch.controlGroups)
        // A daemon: two forks with a session in between, which only a cgroup finds.
        let script = "setsid sh -c '(sleep 918273; :) & exit' & wait; exec sleep 1000"
        let outcome = try await Tool()
            .run(
                ["run"] + configuration
                    + ["--login", "alice", "--control-groups", place, "--timeout", "1s"]
                    + ["--report", scratch.file("report"), "--", "sh", "-c", script]
            )
        #expect(outcome.status == 124)
        let report = try JSONDecoder().decode(Report.self, from: Data(scratch.read("report").utf8))
        #expect(report.launch?.containment?.kind == "controlGroup")
        #expect(report.launch?.containment?.path?.hasPrefix("\(place)/job-") == true)
        let commands = try FileManager.default.contentsOfDirectory(atPath: "/proc")
            .compactMap { FileManager.default.contents(atPath: "/proc/\($0)/cmdline") }
        #expect(!commands.contains(Data("sleep\u{0}918273\u{0}".utf8)))
    }

    @Test("--control-groups is refused where others could write to it")
    func unsafeControlGroups() async throws {
        let scratch = try Scratch()
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        let unsafe = ["run"] + configuration + ["--login", "alice", "--control-groups", "/tmp"]
        let refused = try await Tool().run(unsafe + ["--", "true"])
        #expect(refused.status == 125)
        #expect(refused.messages.contains("cgroup v2"))
    }
}
