import FoundationEssentials
import Logging
import Synchronization
import SystemPackage

/// A process whose end is written down before anybody is told of it.
///
/// One task per running job waits for its end, and ends with it. It holds the process, so the end is written down
/// also when nobody asks for it, and it does not belong to the task that launched: cancelling that one changes nothing.
final class AuditedProcess: ProcessControl {
    private let process: LaunchedProcess
    private let end: Task<Result<ExitReport, LaunchError>, Never>
    private let observer: JobObserver

    /// What the host has done to end the job; `nil` once it has ended.
    private let kills: Kills

    private final class Kills: Sendable {
        private let seen = Mutex<Set<JobMetrics.Kill>?>([])

        /// Notes one; whether it is the first of its kind for a job that runs.
        func note(_ kill: JobMetrics.Kill) -> Bool { seen.withLock { $0?.insert(kill).inserted == true } }

        func end() { seen.withLock { $0 = nil } }
    }

    init(_ process: LaunchedProcess, record started: AuditRecord, audit: any AuditLog, observer: JobObserver) {
        self.process = process
        self.observer = observer
        let kills = Kills()
        self.kills = kills
        let begin = ContinuousClock.now
        end = Task.detached {
            var record = started
            record.event = .ended
            record.timings = nil
            record.attestation = nil
            let result: Result<ExitReport, LaunchError>
            do throws(LaunchError) {
                let report = try await process.exitReport()
                record.status = report.status
                record.message = Self.sentence(report.status)
                result = .success(report)
            } catch {
                record.outcome = "error"
                record.reason = error.code.description
                record.message = error.message
                result = .failure(error)
            }
            kills.end()
            let wallTime = (try? result.get().usage?.wallTime) ?? ContinuousClock.now - begin
            observer.ended(process, result, after: wallTime)
            record.date = Date()
            do throws(AuditLogError) {
                try await audit.append(record)
            } catch {
                observer.logger.error(
                    "The end of a job could not be written to the audit log",
                    metadata: ["pid": "\(process.processID.rawValue)", "error": "\(error)"]
                )
            }
            return result
        }
    }

    func exitReport() async throws(LaunchError) -> ExitReport { try await end.value.get() }

    var hasEnded: Bool { process.hasEnded }

    var isRunning: Bool { process.isRunning }

    func send(_ signal: Signal, to target: SignalTarget) throws(Errno) {
        try process.send(signal, to: target)
        if signal == .kill { note(.kill) }
    }

    func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        note(.terminate)
        let outcome = await Result { () async throws(LaunchError) in
            try await process.terminate(gracePeriod: gracePeriod)
        }
        // An end that does not come is told at once; what was left of the job is known to whoever has ended it alone.
        if process.hasEnded { _ = try? await exitReport() }
        return try outcome.get()
    }

    private func note(_ kill: JobMetrics.Kill) {
        if kills.note(kill) { observer.killed(process, by: kill) }
    }

    func takeStandardInput() -> FileDescriptor? { process.takeStandardInput() }

    func takeStandardOutput() -> FileDescriptor? { process.takeStandardOutput() }

    func takeStandardError() -> FileDescriptor? { process.takeStandardError() }

    var standardInput: ProcessInput? { process.standardInput }

    var standardOutput: ProcessOutput? { process.standardOutput }

    var standardError: ProcessOutput? { process.standardError }

    var terminal: PseudoTerminal? { process.terminal }

    var reference: JobReference? { process.reference }

    private static func sentence(_ status: TerminationStatus) -> String {
        switch status {
        case .exited(let code): "the job exited with status \(code)"
        case .signaled(let signal, let coreDumped):
            "the job was ended by signal \(signal.rawValue)" + (coreDumped ? " and left a core file" : "")
        }
    }
}
