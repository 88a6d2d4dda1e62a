import Glibc
import Impersonation
import Synchronization
import SystemPackage

/// Launches a command, hands signals on to it, ends it when its time is up and waits for it.
struct Supervision {
    /// How long a command that was asked to end may take before it is killed.
    static let grace = Duration.seconds(5)

    /// What came of a command.
    struct Result: Sendable {
        /// What came of the launch.
        var launch: Swift.Result<LaunchOutcome, ImpersonationError>?

        /// How the process ended, when one ran.
        var end: Swift.Result<ExitReport, LaunchError>?

        /// Whether its time was up.
        var timedOut = false

        /// The signal that gave the launch up before the program ran.
        var interruption: Signal?
    }

    private enum Event: Sendable {
        case started(LaunchedProcess)
        case launched(Swift.Result<LaunchOutcome, ImpersonationError>)
        case received(Signal)
        case ended(Swift.Result<ExitReport, LaunchError>, ExitReport.Interruption?)
        case shown
    }

    /// Who decides, writes down and launches, and calls the closure in between: a command that runs is supervised, also
    /// while an audit log does not answer.
    let impersonator: (@escaping @Sendable (LaunchedProcess) -> Void) -> Impersonator

    /// How long the command may run, from its confirmed start.
    let timeLimit: Duration?

    /// What stands between the tool's terminal and the command's, when it has one.
    var relay: TerminalRelay?

    /// Runs a command to its end.
    ///
    /// What happens meanwhile is dealt with one after the other.
    func run(_ command: Command, for request: ExecutionRequest) async -> Result {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let received = ReceivedSignals.handled + (relay == nil ? [] : [ReceivedSignals.windowChange])
        let signals = ReceivedSignals(received) { continuation.yield(.received($0)) }
        defer { withExtendedLifetime(signals) { continuation.finish() } }

        let impersonator = impersonator { continuation.yield(.started($0)) }
        let launch = Task {
            do throws(ImpersonationError) {
                continuation.yield(.launched(.success(try await impersonator.launch(command, for: request))))
            } catch {
                continuation.yield(.launched(.failure(error)))
            }
        }

        var process: LaunchedProcess?
        var limited: Task<ExitReport.Interruption?, Never>?
        var result = Result()
        for await event in events {
            switch event {
            case .received(ReceivedSignals.windowChange):
                relay?.followSize()
            case .received(let signal):
                if result.end != nil {
                    // Only the tool's own terminal keeps it here.
                    await relay?.finish()
                    return result
                }
                if let process {
                    Self.send(signal, to: process)
                } else {
                    result.interruption = signal
                    launch.cancel()
                }
            case .started(let started):
                process = started
                if let terminal = started.terminal { relay?.start(terminal) }
                if let signal = result.interruption { Self.send(signal, to: started) }
                limited = Task { [timeLimit] in
                    do throws(LaunchError) {
                        return try await started.exitReport(terminatingAfter: timeLimit, gracePeriod: Self.grace)
                            .interruption
                    } catch {
                        return error.interruption
                    }
                }
            case .launched(let outcome):
                result.launch = outcome
                guard case .success(let value) = outcome, let started = value.process else {
                    await relay?.finish()
                    return result
                }
                Task { [limited] in
                    let end: Swift.Result<ExitReport, LaunchError>
                    do throws(LaunchError) {
                        end = .success(try await started.exitReport())
                    } catch {
                        end = .failure(error)
                    }
                    // Nothing of a command whose time was up is left then.
                    continuation.yield(.ended(end, await limited?.value))
                }
            case .ended(let end, let interruption):
                result.end = end
                result.timedOut = interruption == .timeout
                guard let relay else { return result }
                Task {
                    await relay.showRest()
                    continuation.yield(.shown)
                }
            case .shown:
                await relay?.finish()
                return result
            }
        }
        return result
    }

    /// Sends a signal to the command and everything in its process group.
    private static func send(_ signal: Signal, to process: LaunchedProcess) {
        do throws(Errno) {
            try process.send(signal, to: .group)
        } catch {
            try? process.send(signal)
        }
    }
}
