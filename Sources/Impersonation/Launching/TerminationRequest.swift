import Synchronization

/// What a job was asked for that is to end by itself, until the grace period for it is over.
///
/// Whoever ends the job meanwhile joins in. Many programs take a second `SIGTERM` for one that is to be heeded at once, and would
/// get no time because two wanted them to have some.
final class TerminationRequest: Sendable {
    private struct State {
        var end: ContinuousClock.Instant?
        var count = 0
    }

    private let state = Mutex(State())

    /// Enters a grace period; the first one that is over ends the request.
    ///
    /// - Parameters:
    ///   - deadline: When it is over.
    ///   - ask: Asks the job, unless somebody else's request is under way, and tells whether anybody was reached; where nobody
    ///     was, the next one asks again.
    func make(until deadline: ContinuousClock.Instant, asking ask: () async -> Bool) async {
        guard let number = enter(until: deadline), await !ask() else { return }
        // Somebody else's may have been made meanwhile, and heard.
        state.withLock { state in
            if state.count == number { state.end = nil }
        }
    }

    /// Enters a grace period.
    ///
    /// - Returns: The number of a new request; `nil` where somebody else's is under way.
    private func enter(until deadline: ContinuousClock.Instant) -> Int? {
        state.withLock { state in
            if let current = state.end, .now < current {
                state.end = min(current, deadline)
                return nil
            }
            state.end = deadline
            state.count += 1
            return state.count
        }
    }
}
