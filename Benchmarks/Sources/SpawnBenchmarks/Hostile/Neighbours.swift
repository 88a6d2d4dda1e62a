import FoundationEssentials
import Impersonation
import Synchronization
import SystemPackage

/// Launches of the attacking account that go on while those of the other one are measured.
///
/// Beside the attack they execute a program with a lease on it, and so stand still until their own deadline.
final class Neighbours: Sendable {
    /// What became of them.
    struct Outcomes: Sendable {
        /// Those that ran.
        var launched = 0

        /// Those that were given up at their deadline.
        var late = 0

        /// Those that the attack has ended on their way.
        var killed = 0

        /// Those that failed otherwise; why, for the first.
        var failed = 0

        /// Why the first of each kind was, by its code.
        var reasons: [String: String] = [:]
    }

    private let outcomes = Mutex(Outcomes())
    private let isEnding = Atomic(false)

    /// How many there are at once.
    static let count = 4

    /// When they give up.
    static let deadline: Duration = .milliseconds(200)

    /// What has become of them so far.
    var current: Outcomes { outcomes.withLock { $0 } }

    /// No further launch begins.
    func end() { isEnding.store(true, ordering: .relaxed) }

    /// Launches until it is told to end.
    func run(_ launcher: any ProcessLauncher, _ program: String, as account: JobAccount) async {
        var command = Command(.path(FilePath(program)), arguments: ["wait"])
        command.workingDirectory = .path("/")
        command.startDeadline = Self.deadline
        while !isEnding.load(ordering: .relaxed) {
            do throws(LaunchError) {
                let process = try await launcher.launch(command, as: account.identity)
                // One that its own account kills in its exec counts as launched: all was proven, and it has ended by a signal.
                let link = "/proc/\(process.processID.rawValue)/exe"
                let runs = (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == program
                outcomes.withLock { outcomes in
                    if runs { outcomes.launched += 1 } else { outcomes.killed += 1 }
                }
                try? await Task.sleep(for: .milliseconds(100))
                _ = try? await process.terminate(gracePeriod: .zero)
            } catch {
                outcomes.withLock { outcomes in
                    switch error.code {
                    case .deadlineExceeded:
                        outcomes.late += 1
                    case .endedBeforeStart:
                        outcomes.killed += 1
                    default:
                        outcomes.failed += 1
                    }
                    if outcomes.reasons[error.code.description] == nil {
                        outcomes.reasons[error.code.description] = error.message
                    }
                }
                // Launches that fail at once must not become a load of their own.
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
