import CThreadChurn
import Synchronization

/// Whether the other threads come and go during a soak, from its begin to its end.
final class ChurnProgress: Sendable {
    private let step: Int
    private let marks = Mutex<[UInt64]>([])
    private let count: @Sendable () -> UInt64

    /// Fewer launches are over before a thread need have come and gone on a busy machine.
    private static let shortestStep = 500

    /// Begins to count.
    ///
    /// - Parameters:
    ///   - launches: How many launches there will be; progress is looked at in each tenth of them.
    ///   - count: How many threads have come and gone.
    init(launches: Int, count: @escaping @Sendable () -> UInt64 = { thread_churn_least() }) {
        step = max(launches / 10, Self.shortestStep)
        self.count = count
        mark()
    }

    /// Looks, if it is time to.
    ///
    /// - Parameter number: The number of a launch that has ended.
    func passed(_ number: Int) {
        if number > 0, number % step == 0 { mark() }
    }

    /// Looks for the last time.
    ///
    /// - Returns: What was not as it has to be.
    func end() -> [String] {
        mark()
        let marks = marks.withLock { $0.sorted() }
        let idle = zip(marks, marks.dropFirst()).count { $0 == $1 }
        return idle == 0
            ? []
            : [
                "no other thread has come and gone in \(idle) of \(marks.count - 1) parts of the soak, which shows nothing"
            ]
    }

    private func mark() {
        let now = count()
        marks.withLock { $0.append(now) }
    }
}
