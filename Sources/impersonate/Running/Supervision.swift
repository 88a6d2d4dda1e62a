import Dispatch
import Glibc
import Impersonation
import Synchronization
import SystemPackage

/// Launches a command, hands signals on to it, ends it when its time is up and waits for it.
struct Supervision {
    /// How long a command that was asked to end may take before it is killed, and this tool once its command has ended.
    static let grace = Duration.seconds(5)

    /// What came of a command.
    struct Result: Sendable {
        /// What came of the launch.
        var launch: Swift.Result<LaunchOutcome, ImpersonationError>?

        /// How the process ended, when one ran.
        var end: Swift.Result<ExitReport, LaunchError>?

        /// Whether its time was up.
        var timedOut = false

        /// How many processes could not be ended when it was, as far as that is known: at least so many.
        var remainingProcesses = 0

        /// The signal that gave the launch up before the program ran.
        var interruption: Signal?
    }

    private enum Event: Sendable {
        case started(LaunchedProcess)
        case launched(Swift.Result<LaunchOutcome, ImpersonationError>)
        case received(Signal)
        case ended(Swift.Result<ExitReport, LaunchError>, Limit)
        case notEnded(LaunchedProcess, LaunchError)
        case shown
    }

    /// What has come of the time limit once the command has ended.
    private struct Limit: Sendable {
        var isReached = false
        var remainingProcesses = 0
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
    ///
    /// - Throws: ``ToolFailure`` when signals could not be handed on: they would end the tool, and the command would run on.
    func run(_ command: Command, for request: ExecutionRequest) async throws(ToolFailure) -> Result {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let received = ReceivedSignals.handled + (relay == nil ? [] : [ReceivedSignals.windowChange])
        do throws(Errno) {
            _ = try ReceivedSignals(received) { waiting in
                while let signal = waiting.next() {
                    guard case .terminated = continuation.yield(.received(signal)) else { continue }
                    Self.leave(by: signal)
                }
            }
        } catch {
            throw ToolFailure(
                "signalsUnavailable",
                "signals cannot be handed on to the command, which was not started: \(error); let this tool open more files"
            )
        }
        let result = await supervise(command, for: request, events, continuation)
        // Signals are received until the tool ends, which may take its time: nobody may read what it has to say.
        continuation.finish()
        for await case .received(let signal) in events { Self.leave(by: signal) }
        return result
    }

    private func supervise(
        _ command: Command,
        for request: ExecutionRequest,
        _ events: AsyncStream<Event>,
        _ continuation: AsyncStream<Event>.Continuation
    ) async -> Result {
        let impersonator = impersonator { continuation.yield(.started($0)) }
        let launch = Task {
            do throws(ImpersonationError) {
                continuation.yield(.launched(.success(try await impersonator.launch(command, for: request))))
            } catch {
                continuation.yield(.launched(.failure(error)))
            }
        }

        var process: LaunchedProcess?
        var limited: Task<Limit, Never>?
        var result = Result()
        for await event in events {
            switch event {
            case .received(ReceivedSignals.windowChange):
                relay?.followSize()
            case .received(let signal):
                if result.end != nil {
                    // Only the tool's own terminal keeps it here.
                    Self.leave(by: signal)
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
                        let end = try await started.exitReport(terminatingAfter: timeLimit, gracePeriod: Self.grace)
                        return Limit(
                            isReached: end.interruption == .timeout,
                            remainingProcesses: end.remainingProcesses
                        )
                    } catch {
                        // Whoever waits for its end would wait for good.
                        if !started.hasEnded { continuation.yield(.notEnded(started, error)) }
                        return Limit(isReached: error.interruption == .timeout)
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
                    continuation.yield(.ended(end, await limited?.value ?? Limit()))
                }
            case .notEnded(let process, let error):
                // The launch may wait for the audit log still.
                result.launch = result.launch ?? .success(.launched(process, because: Explanation()))
                result.end = .failure(error)
                result.timedOut = error.interruption == .timeout
                result.remainingProcesses = process.isRunning ? 1 : 0
                await relay?.finish()
                return result
            case .ended(let end, let limit):
                result.end = end
                result.timedOut = limit.isReached
                result.remainingProcesses = limit.remainingProcesses
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

    /// Ends the tool by a signal that comes when the command has ended, unless the tool ends within the time of grace by itself.
    ///
    /// Who interrupts the command twice is still to get its status and its report.
    private static func leave(by signal: Signal) {
        guard signal != ReceivedSignals.windowChange else { return }
        DispatchQueue.global()
            .asyncAfter(deadline: .now() + .seconds(Int(grace.components.seconds))) {
                _exit(128 + signal.rawValue)
            }
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
