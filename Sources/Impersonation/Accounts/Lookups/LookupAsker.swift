import LaunchProtocol
import NameLookup

/// Somebody who asks the name service and can be stopped.
protocol LookupAsker: Sendable {
    /// Asks, and blocks the calling thread meanwhile.
    ///
    /// - Parameters:
    ///   - question: The question.
    ///   - time: When nobody wants the answer any more; soon after that this returns, whatever hangs.
    /// - Returns: The answer.
    /// - Throws: ``NoAnswer``.
    func ask(_ question: LookupQuestion, until time: MonotonicTime) throws(NoAnswer) -> LookupAnswer
}
