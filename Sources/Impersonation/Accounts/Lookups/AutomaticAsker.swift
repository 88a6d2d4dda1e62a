import LaunchProtocol
import NameLookup
import Synchronization
import SystemPackage

/// The first of the ways to ask the name service that this machine has: the helper, `getent`, and this process itself, which is
/// the only one that nobody can stop.
final class AutomaticAsker: LookupAsker {
    /// After how long a way that could not be used is looked at again.
    private static let pause = Duration.seconds(30)

    private let processes: LookupProcesses
    private let getent: Getent
    private let retries = Mutex<(processes: MonotonicTime, getent: MonotonicTime)>((.now, .now))

    /// Looks at nothing before the first question.
    ///
    /// - Parameters:
    ///   - helper: Where the helper is.
    ///   - getent: Where the other one is.
    init(helper: FilePath, getent: FilePath) {
        processes = LookupProcesses(at: helper)
        self.getent = Getent(at: getent)
    }

    func ask(_ question: LookupQuestion, until time: MonotonicTime) throws(NoAnswer) -> LookupAnswer {
        if retries.withLock({ $0.processes <= .now }) {
            do throws(NoAnswer) {
                return try processes.ask(question, until: time)
            } catch {
                guard case .unusable = error else { throw error }
                retries.withLock { $0.processes = .now + Self.pause }
            }
        }
        if retries.withLock({ $0.getent <= .now }) {
            do throws(NoAnswer) {
                return try getent.ask(question, until: time)
            } catch {
                guard case .unusable = error else { throw error }
                retries.withLock { $0.getent = .now + Self.pause }
            }
        }
        return LookupAnswer(asking: question)
    }
}
