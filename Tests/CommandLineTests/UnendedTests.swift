import Faults
import Foundation
import Glibc
import Impersonation
import QubeCompatibility
import SystemPackage
import Testing

@testable import impersonate

@Suite("impersonate run: a command that cannot be ended when its time is up", .inTestBed)
struct UnendedTests {
    /// How the end of a job comes that does not come as it should.
    enum Trouble: String, CaseIterable, Sendable {
        /// Its first process stands in the kernel.
        case stands
        /// Others do.
        case leaves
        /// Its first process stands in the kernel, and so does the audit log.
        case standsUnrecorded
    }

    /// A process that is ended with trouble.
    private struct TroubledControl: ProcessControl {
        let trouble: Trouble
        let process: LaunchedProcess

        var hasEnded: Bool { process.hasEnded }
        var isRunning: Bool { process.isRunning }

        func exitReport() async throws(LaunchError) -> ExitReport { try await process.exitReport() }

        func send(_ signal: Signal, to target: SignalTarget) throws(Errno) { try process.send(signal, to: target) }

        func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
            guard trouble == .leaves else {
                throw LaunchError(.stillRunning, step: .wait, message: "it stands in the kernel; look there")
            }
            var report = try await process.terminate(gracePeriod: .zero)
            report.remainingProcesses = 3
            return report
        }

        func takeStandardInput() -> FileDescriptor? { nil }
        func takeStandardOutput() -> FileDescriptor? { nil }
        func takeStandardError() -> FileDescriptor? { nil }
    }

    private struct TroubledLauncher: ProcessLauncher {
        let trouble: Trouble
        let base = SetUIDLauncher()

        var backend: LaunchBackend { base.backend }

        func launch(_ command: Command, as identity: ExecutionIdentity) async throws(LaunchError) -> LaunchedProcess {
            let process = try await base.launch(command, as: identity)
            let control = TroubledControl(trouble: trouble, process: process)
            return LaunchedProcess(identity: process.identity, report: process.report, control: control)
        }
    }

    /// A log whose file system does not answer, once a job has started.
    private struct HangingLog: AuditLog {
        func append(_ record: AuditRecord) async throws(AuditLogError) {
            guard record.event == .started, let process = record.processID?.rawValue else { return }
            while kill(process, 0) == 0 { try? await Task.sleep(for: .milliseconds(10)) }
        }
    }

    private struct SilentLog: AuditLog {
        func append(_ record: AuditRecord) async throws(AuditLogError) {}
    }

    @Test("is told as that, with what is left, and waited for no longer", arguments: Trouble.allCases)
    func trouble(_ trouble: Trouble) async {
        let trouble = trouble.rawValue
        // In a process of its own: whoever supervises takes the signals of the whole process.
        await #expect(processExitsWith: .success) { [trouble = trouble as String] in
            let trouble = try #require(Trouble(rawValue: trouble))
            let scratch = try Scratch()
            let file = try scratch.write("worker.conf", "proxy_execution_mode = user\n")
            let worker = Worker(try WorkerConfiguration.load(from: FilePath(file), trust: .readOnly).configuration)
            let supervision = Supervision(
                impersonator: { announce in
                    Impersonator(
                        resolver: worker.resolver,
                        launcher: AnnouncingLauncher(launcher: TroubledLauncher(trouble: trouble), announce: announce),
                        audit: trouble == .standsUnrecorded ? HangingLog() : SilentLog()
                    )
                },
                timeLimit: .milliseconds(1)
            )
            // Ends by itself, so that a tool that waits on makes this test fail and not hang.
            let request = ExecutionRequest(login: "alice")
            let result = try await supervision.run(Command(.path("/bin/sleep"), arguments: ["60"]), for: request)
            let ending = RunEnding(result, request: request, executable: "/bin/sleep")
            let launch = try #require(ending.report.launch)
            let process = try #require(launch.pid)
            defer { kill(process, SIGKILL) }
            #expect(launch.timedOut)
            #expect(ending.report.account == "alice")
            if trouble == .leaves {
                #expect(launch.remainingProcesses == 3)
                #expect(ending.report.remainderLines.first?.contains("3 or more that process \(process)") == true)
                #expect(ending.tell(json: false) == .timedOut)
            } else {
                #expect(launch.remainingProcesses == 1)
                #expect(launch.status == nil)
                #expect(ending.report.reason == "stillRunning")
                let lines = ending.report.refusalLines
                #expect(
                    lines.first
                        == "impersonate: its time is up, and it does not end: stillRunning: it stands in the kernel; look there"
                )
                #expect(lines.contains { $0.contains("uid=2001(alice)") })
                #expect(lines.contains { $0.contains("left    process \(process), and what it has started") })
                #expect(ending.tell(json: false) == .refused)
                #expect(kill(process, 0) == 0)
            }
        }
    }

    @Test(
        "is named by the tool, which goes while the command stands in the kernel",
        .enabled(
            if: ProcessInfo.processInfo.environment["IMPERSONATION_TEST_BED_ROOT"] == "machine",
            "mounts a file system"
        )
    )
    func standing() async throws {
        let scratch = try Scratch()
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        let directory = scratch.file("held")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        let page = try Self.mount(directory)
        let arguments = ["--login", "alice", "--timeout", "1s", "--report", scratch.file("report"), "--"]
        let outcome = try await Tool()
            .run(["run"] + configuration + arguments + ["cat", "\(directory)/page"]) { tool in
                // A tool that waits on is let go in the end, and says something else.
                let deadline = ContinuousClock.now + .seconds(120)
                while kill(tool, 0) == 0, ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(20))
                }
                if kill(tool, 0) == 0 { unsafe held_page_release(directory, page) }
            }
        let text = try scratch.read("report")
        unsafe held_page_release(directory, page)
        #expect(outcome.status == 125)
        let report = try JSONDecoder().decode(Report.self, from: Data(text.utf8))
        let process = try #require(report.launch?.pid)
        #expect(report.reason == "stillRunning")
        #expect(report.launch?.timedOut == true)
        #expect(
            outcome.messages.hasPrefix(
                "impersonate: its time is up, and it does not end: stillRunning: process \(process) "
            )
        )
        #expect(outcome.messages.contains("account uid=2001(alice)"))
        #expect(outcome.messages.contains("left    process \(process), "))
        // It was sent what ends it as soon as the kernel lets go.
        let deadline = ContinuousClock.now + .seconds(120)
        while kill(process, 0) == 0, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
        #expect(kill(process, 0) != 0)
    }

    private static func mount(_ directory: String) throws -> held_page {
        var page = held_page()
        try #require(unsafe held_page_mount(directory, 2_001, &page) == 0)
        return page
    }
}
