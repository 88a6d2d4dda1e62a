import SystemPackage

@testable import Impersonation

/// A process of ``FaultyLauncher``.
struct FaultyControl: ProcessControl {
    let fault: FaultyLauncher.Fault
    let process: LaunchedProcess

    func exitReport() async throws(LaunchError) -> ExitReport {
        var report = try await process.exitReport()
        switch (fault, report.status) {
        case (.mapsStatuses, .exited(126...)): report.status = .exited(1)
        case (.tellsSignalsAsStatuses, .signaled(let signal, _)): report.status = .exited(128 + signal.rawValue)
        case (.losesUsage, _): report.usage = nil
        default: break
        }
        return report
    }

    var hasEnded: Bool { fault != .hidesItsEnd && process.hasEnded }

    var isRunning: Bool { fault == .hidesItsEnd || process.isRunning }

    func send(_ signal: Signal, to target: SignalTarget) throws(Errno) {
        do throws(Errno) {
            try process.send(signal, to: target)
        } catch {
            guard fault == .signalsTheDead else { throw error }
        }
    }

    func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        switch fault {
        case .leavesDescendants:
            try? process.send(.kill)
            return try await process.exitReport()
        case .grantsNoGrace:
            // Before anything polite, which a job that is quick would hear.
            try? process.send(.kill)
            return try await process.terminate(gracePeriod: .zero)
        case .asksTwice:
            try? process.send(.terminate)
            return try await process.terminate(gracePeriod: gracePeriod)
        default: return try await process.terminate(gracePeriod: gracePeriod)
        }
    }

    func takeStandardInput() -> FileDescriptor? { process.takeStandardInput() }

    func takeStandardOutput() -> FileDescriptor? { process.takeStandardOutput() }

    func takeStandardError() -> FileDescriptor? { process.takeStandardError() }

    var standardInput: ProcessInput? { process.standardInput }

    var standardOutput: ProcessOutput? { process.standardOutput }

    var standardError: ProcessOutput? { process.standardError }

    var terminal: PseudoTerminal? { process.terminal }

    var reference: JobReference? { fault == .losesReference ? nil : process.reference }
}
