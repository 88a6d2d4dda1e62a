import Glibc
import ImpersonationTesting
import SystemPackage
import Testing

@testable import Impersonation

@Suite("Whoever waits for a job and ends it")
struct WaitingTests {
    /// A process whose end finds others that stay.
    private struct Haunted: ProcessControl {
        let process: ScriptedProcess
        let termination: Result<ExitReport, LaunchError>

        var isRunning = true

        var hasEnded: Bool { process.hasEnded }

        var reference: JobReference? { JobReference(processID: 7, startTime: 1, bootID: "x") }

        func exitReport() async throws(LaunchError) -> ExitReport { try await process.exitReport() }

        func send(_ signal: Signal, to target: SignalTarget) throws(Errno) { try process.send(signal, to: target) }

        func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
            if case .success(var report) = termination {
                report.remainingProcesses = 0
                process.end(.success(report))
            }
            return try termination.get()
        }

        func takeStandardInput() -> FileDescriptor? { nil }

        func takeStandardOutput() -> FileDescriptor? { nil }

        func takeStandardError() -> FileDescriptor? { nil }
    }

    private struct HauntedLauncher: ProcessLauncher {
        let control: Haunted

        var backend: LaunchBackend { .setuid }

        func launch(_ command: Command, as identity: ExecutionIdentity) async throws(LaunchError) -> LaunchedProcess {
            let report = LaunchReport(backend: backend, processID: ProcessID(rawValue: 7), workingDirectory: "/")
            return LaunchedProcess(identity: identity, report: report, control: control)
        }
    }

    private let command = Command(.path("/usr/bin/render"))

    private func launch(_ process: ScriptedProcess) async throws -> LaunchedProcess {
        try await RecordingLauncher(script: [.runs(process)]).launch(command, as: Sample.identity())
    }

    private func launchAudited(_ control: Haunted, _ audit: RecordingAuditLog) async throws -> LaunchedProcess {
        let identity = try await Sample.identity()
        let impersonator = Impersonator(
            resolver: ScriptedResolver([.resolves(.identity(identity, because: Sample.why))]),
            launcher: HauntedLauncher(control: control),
            audit: audit
        )
        return try #require(try await impersonator.launch(command, for: Sample.request).process)
    }

    @Test("asks for its end once, and hears why it has ended whatever its status says", arguments: [true, false])
    func interruption(_ isCancelled: Bool) async throws {
        let process = ScriptedProcess()
        let job = try await launch(process)
        let waiting = Task {
            try await job.exitReport(terminatingAfter: isCancelled ? nil : .zero, gracePeriod: .seconds(1))
        }
        if isCancelled { waiting.cancel() }
        while process.signals.isEmpty { await Task.yield() }
        waiting.cancel()
        process.end(.success(ExitReport(status: .exited(0))))
        let report = try await waiting.value
        #expect(report.status == .exited(0))
        #expect(report.interruption == (isCancelled ? .cancellation : .timeout))
        #expect(process.signals == [.terminate])
        #expect(try await job.exitReport().interruption == nil)
    }

    @Test("hears why the job was being ended, too, when its end is lost")
    func lost() async throws {
        let process = ScriptedProcess()
        let job = try await launch(process)
        let waiting = Task { try await job.exitReport(terminatingAfter: .zero, gracePeriod: .zero) }
        while process.signals.isEmpty { await Task.yield() }
        process.end(.failure(LaunchError(.statusLost, step: .wait, message: "taken by somebody else")))
        let error = await #expect(throws: LaunchError.self) { try await waiting.value }
        #expect(error?.code == .statusLost)
        #expect(error?.interruption == .timeout)
        let later = await #expect(throws: LaunchError.self) { try await job.exitReport() }
        #expect(later?.interruption == nil)
        let ending = await #expect(throws: LaunchError.self) { try await job.terminate(gracePeriod: .zero) }
        for error in [error, later, ending] {
            #expect(
                error?.account == job.identity.account.name,
                "it names whose job it is, which its control does not know"
            )
            #expect(error?.backend == job.report.backend)
            #expect(
                error?.description
                    == "statusLost: the end of the job as alice is not known, step wait: taken by somebody else"
            )
        }
    }

    @Test("leaves a job alone that ends in time, and one that has ended before, however little time there is")
    func inTime() async throws {
        let process = ScriptedProcess()
        let job = try await launch(process)
        // More than any clock counts to.
        async let report = job.exitReport(terminatingAfter: .seconds(Int64.max), gracePeriod: .zero)
        process.end(.success(ExitReport(status: .exited(2))))
        #expect(try await report == ExitReport(status: .exited(2)))
        for timeout in [Duration.zero, .seconds(-5)] {
            let late = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await job.exitReport(terminatingAfter: timeout, gracePeriod: .zero)
            }
            late.cancel()
            #expect(try await late.value == ExitReport(status: .exited(2)))
        }
        #expect(process.signals == [])
    }

    @Test("ends nothing of a job that has ended already, however late that is told", arguments: [true, false])
    func untold(_ isCancelled: Bool) async throws {
        let process = ScriptedProcess()
        let control = Haunted(process: process, termination: .failure(Self.terminated), isRunning: false)
        let job = try await HauntedLauncher(control: control).launch(command, as: Sample.identity())
        let waiting = Task {
            while isCancelled, !Task.isCancelled { await Task.yield() }
            return try await job.exitReport(terminatingAfter: isCancelled ? nil : .zero, gracePeriod: .zero)
        }
        if isCancelled { waiting.cancel() }
        // Told by nobody, as long as it may take.
        let error = await #expect(throws: LaunchError.self) {
            try await job.exitReport(terminatingAfter: .zero, gracePeriod: .zero, tellingPatience: .milliseconds(1))
        }
        #expect(error?.code == .statusLost)
        #expect(error?.interruption == nil)
        #expect(error?.message.contains("process 7 has ended by itself") == true)
        process.end(.success(ExitReport(status: .exited(5))))
        #expect(try await waiting.value == ExitReport(status: .exited(5)))
    }

    private static let terminated = LaunchError(.stillRunning, step: .wait, message: "it was to be ended")

    @Test("waits for no actor, not even for his own")
    @MainActor
    func blockedActor() async throws {
        let process = ScriptedProcess()
        let job = try await launch(process)
        var hasBegun = false
        let waiting = Task {
            hasBegun = true
            return try await job.exitReport(terminatingAfter: .milliseconds(20), gracePeriod: .zero)
        }
        while !hasBegun { await Task.yield() }
        // From here on nothing else of this actor runs.
        let deadline = ContinuousClock.now + .seconds(60)
        while process.signals.isEmpty, ContinuousClock.now < deadline { usleep(1_000) }
        #expect(process.signals == [.terminate])
        process.end(.success(ExitReport(status: .signaled(.terminate))))
        #expect(try await waiting.value.interruption == .timeout)
    }

    @Test(
        "may name any time there is",
        arguments: [Duration.seconds(Int64.max), .seconds(Int64.min), .nanoseconds(Int64.max), .zero]
    )
    func anyTime(_ time: Duration) async throws {
        let process = ScriptedProcess()
        let job = try await launch(process)
        let waiting = Task { try await job.exitReport(terminatingAfter: time, gracePeriod: time) }
        let ending = Task { try await job.terminate(gracePeriod: time) }
        while process.signals.isEmpty { await Task.yield() }
        process.end(.success(ExitReport(status: .exited(0))))
        #expect(try await waiting.value.status == .exited(0))
        #expect(try await ending.value.status == .exited(0))
    }

    @Test(
        "counts whole milliseconds, up and within what can be counted to",
        arguments: [
            (.seconds(Int64.max), 9_223_372_036_854_775_000), (.seconds(Int64.min), -9_223_372_036_854_775_000),
            (.seconds(Int64.max) + .nanoseconds(1), 9_223_372_036_854_775_000), (.zero, 0), (.milliseconds(7), 7),
            (.microseconds(1), 1), (.microseconds(1_001), 2), (.microseconds(-1), 0), (.milliseconds(-7), -7),
        ] as [(Duration, Int64)]
    )
    func milliseconds(_ time: Duration, _ count: Int64) {
        #expect(time.milliseconds == count)
    }

    @Test("through the Impersonator hears what could not be ended, once the end is written down")
    func remainder() async throws {
        var left = ExitReport(status: .signaled(.kill))
        left.remainingProcesses = 2
        let audit = RecordingAuditLog()
        let job = try await launchAudited(Haunted(process: ScriptedProcess(), termination: .success(left)), audit)
        let report = try await job.exitReport(terminatingAfter: .zero, gracePeriod: .zero)
        #expect(report.remainingProcesses == 2)
        #expect(report.interruption == .timeout)
        #expect(audit.records.last?.event == .ended)
    }

    @Test("through the Impersonator hears at once of a job that does not end")
    func stillRunning() async throws {
        let process = ScriptedProcess()
        let error = LaunchError(.stillRunning, step: .wait, message: "it stands in the kernel")
        let job = try await launchAudited(Haunted(process: process, termination: .failure(error)), RecordingAuditLog())
        let told = await #expect(throws: LaunchError.self) {
            try await job.exitReport(terminatingAfter: .zero, gracePeriod: .zero)
        }
        #expect(told?.code == .stillRunning)
        #expect(told?.interruption == .timeout)
        process.end(.success(ExitReport(status: .signaled(.kill))))
        #expect(try await job.exitReport().status == .signaled(.kill))
    }

    @Test("through the Impersonator can write down what the job is called, for a later daemon")
    func reference() async throws {
        let process = ScriptedProcess(end: ExitReport(status: .exited(0)))
        let control = Haunted(process: process, termination: .success(ExitReport(status: .exited(0))))
        let job = try await launchAudited(control, RecordingAuditLog())
        var named = try #require(control.reference)
        // Whose it is, and whether it may be somebody else's since.
        (named.userID, named.mayGainPrivileges) = (job.identity.account.userID.rawValue, false)
        #expect(job.reference == named)
    }
}
