import LaunchProtocol
import NameLookup

/// Threads of this process that ask: nobody can stop one, but whoever asks it goes on when the time is over.
final class LookupThreads: LookupAsker {
    private static let most = 16

    private let workers = BlockingWorkers(name: "name-service", maximumThreads: most)
    private let answer: @Sendable (LookupQuestion) -> LookupAnswer

    /// Starts none before the first question.
    ///
    /// - Parameter answer: How a question is answered.
    init(_ answer: @escaping @Sendable (LookupQuestion) -> LookupAnswer = { LookupAnswer(asking: $0) }) {
        self.answer = answer
    }

    func ask(_ question: LookupQuestion, until time: MonotonicTime) throws(NoAnswer) -> LookupAnswer {
        let answer = self.answer
        do throws(BlockingWorkersError) {
            return try workers.performBlocking(until: time) { answer(question) }.get()
        } catch {
            throw error == .deadlineExceeded ? .late : .broken("lookups before this one hang in the name service")
        }
    }
}
