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
    private let threads: LookupThreads
    private let retries = Mutex(Retries())

    /// Whether somebody has answered who can be stopped, and runs without this process's rights: from then on, nobody else is asked.
    ///
    /// What takes such a way away later may be meant to.
    private let hasWorked = Mutex(false)

    /// Looks at nothing before the first question.
    ///
    /// - Parameters:
    ///   - helper: Where the helper is.
    ///   - getent: Where the other one is.
    ///   - threads: Who asks where there is neither.
    init(helper: FilePath, getent: FilePath, threads: LookupThreads = LookupThreads()) {
        self.threads = threads
        processes = LookupProcesses(at: helper)
        self.getent = Getent(at: getent)
    }

    func ask(_ question: LookupQuestion, until time: MonotonicTime) throws(NoAnswer) -> LookupAnswer {
        var refusals: [String] = []
        for (asker, retry) in [(processes, \.processes), (getent, \.getent)] as [(any LookupAsker, Retry)] {
            guard retries.withLock({ $0[keyPath: retry] <= .now }) else { continue }
            do throws(NoAnswer) {
                let answer = try asker.ask(question, until: time)
                hasWorked.withLock { $0 = true }
                return answer
            } catch {
                guard case .unusable(let reason) = error else { throw error }
                refusals.append(reason)
                retries.withLock { $0[keyPath: retry] = .now + Self.pause }
            }
        }
        guard !hasWorked.withLock({ $0 }) else {
            let reasons = refusals.isEmpty ? "none of the ways that have worked does" : refusals.joined(separator: "; ")
            throw .broken("\(reasons); it is asked again in \(Self.pause)")
        }
        return try threads.ask(question, until: time)
    }

    /// When a way is looked at again.
    private struct Retries {
        var processes = MonotonicTime.now
        var getent = MonotonicTime.now
    }

    private typealias Retry = WritableKeyPath<Retries, MonotonicTime>
}
