import LaunchProtocol
import NameLookup
import Synchronization
import SystemPackage

/// The first of the ways to ask the name service that this machine has: the helper, `getent`, and this process itself, which is
/// the only one that nobody can stop.
final class AutomaticAsker: LookupAsker {
    /// After how long a way that could not be used is looked at again.
    static let usualPause = Duration.seconds(30)

    private let ways: [(way: LookupObserver.Way, asker: any LookupAsker)]
    private let threads: any LookupAsker
    private let observer: LookupObserver
    private let pause: Duration
    private let refusals = Mutex<[LookupObserver.Way: Refusal]>([:])

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
    ///   - observer: Who tells which way is taken.
    convenience init(
        helper: FilePath,
        getent: FilePath,
        threads: LookupThreads = LookupThreads(),
        telling observer: LookupObserver
    ) {
        self.init(
            processes: LookupProcesses(at: helper),
            getent: Getent(at: getent),
            threads: threads,
            telling: observer
        )
    }

    /// Asks others than those of this machine.
    ///
    /// - Parameters:
    ///   - processes: The first way.
    ///   - getent: The second one.
    ///   - threads: The last one.
    ///   - observer: Who tells which way is taken.
    ///   - pause: After how long a way that could not be used is looked at again.
    init(
        processes: any LookupAsker,
        getent: any LookupAsker,
        threads: any LookupAsker,
        telling observer: LookupObserver,
        pausing pause: Duration = usualPause
    ) {
        ways = [(.helper, processes), (.getent, getent)]
        self.threads = threads
        self.observer = observer
        self.pause = pause
    }

    func ask(_ question: LookupQuestion, until time: MonotonicTime) throws(NoAnswer) -> LookupAnswer {
        let begin = MonotonicTime.now
        var reasons: [String] = []
        for (way, asker) in ways {
            if let refusal = refusals.withLock({ $0[way] }), refusal.end > .now {
                reasons.append(refusal.reason)
                continue
            }
            do throws(NoAnswer) {
                let answer = try asker.ask(question, until: time)
                hasWorked.withLock { $0 = true }
                observer.asked(way, since: begin, because: reasons)
                return answer
            } catch {
                guard case .unusable(let reason) = error else {
                    observer.asked(way, since: begin, because: reasons)
                    throw error
                }
                reasons.append(reason)
                refusals.withLock { $0[way] = Refusal(reason: reason, end: .now + pause) }
            }
        }
        guard !hasWorked.withLock({ $0 }) else {
            throw .broken("\(reasons.joined(separator: "; ")); it is asked again in \(pause)")
        }
        observer.asked(.threads, since: begin, because: reasons)
        return try threads.ask(question, until: time)
    }

    /// Why a way is not taken, and until when it is not looked at again.
    private struct Refusal {
        let reason: String
        let end: MonotonicTime
    }
}
