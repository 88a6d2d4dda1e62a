import Synchronization

/// What a job was asked for that is to end by itself, until the grace period for it is over.
///
/// Whoever ends the job meanwhile joins in. Many programs take a second `SIGTERM` for one that is to be heeded at once, and would
/// get no time because two wanted them to have some.
final class TerminationRequest: Sendable {
    private let end = Mutex<ContinuousClock.Instant?>(nil)

    /// Enters a grace period; the first one that is over ends the request.
    ///
    /// - Parameters:
    ///   - deadline: When it is over.
    ///   - ask: Asks the job, unless somebody else's request is under way, and tells whether anybody was reached; where nobody
    ///     was, the next one asks again.
    func make(until deadline: ContinuousClock.Instant, asking ask: () async -> Bool) async {
        guard isNew(until: deadline), await !ask() else { return }
        end.withLock { $0 = nil }
    }

    private func isNew(until deadline: ContinuousClock.Instant) -> Bool {
        end.withLock { end in
            if let current = end, .now < current {
                end = min(current, deadline)
                return false
            }
            end = deadline
            return true
        }
    }
}
