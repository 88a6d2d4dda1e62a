import Testing

@testable import Impersonation

/// What ends a job before it ends by itself.
enum JobEnding: String, CaseIterable, Sendable {
    case termination, timeout, cancellation

    func end(_ process: LaunchedProcess) async throws -> ExitReport {
        let grace = Duration.milliseconds(100)
        switch self {
        case .termination: return try await process.terminate(gracePeriod: grace)
        case .timeout: return try await process.exitReport(terminatingAfter: .milliseconds(50), gracePeriod: grace)
        case .cancellation:
            let waiting = Task { try await process.exitReport(gracePeriod: grace) }
            waiting.cancel()
            return try await waiting.value
        }
    }

    var interruption: ExitReport.Interruption? {
        switch self {
        case .termination: nil
        case .timeout: .timeout
        case .cancellation: .cancellation
        }
    }
}
