import LaunchPlan
import Synchronization

/// How a job ended, once that is known, and who waits to hear it.
final class JobEnd: Sendable {
    typealias Outcome = Result<ExitReport, LaunchError>

    private struct State {
        var outcome: Outcome?
        var waiters: [UInt64: CheckedContinuation<Outcome, Never>] = [:]
        var nextNumber: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Whether the end is known.
    var isKnown: Bool { state.withLock { $0.outcome != nil } }

    /// Tells everybody; the first end counts.
    func settle(_ outcome: Outcome) {
        let (waiters, first) = state.withLock { state in
            let first = state.outcome ?? outcome
            state.outcome = first
            defer { state.waiters = [:] }
            return (state.waiters.values, first)
        }
        for waiter in waiters { waiter.resume(returning: first) }
    }

    /// Waits for the end, also in a task that is cancelled.
    func value() async throws(LaunchError) -> ExitReport {
        try await withCheckedContinuation { enter($0) }.get()
    }

    /// Waits for the end until somebody has to be told that there is none.
    ///
    /// - Parameters:
    ///   - instant: When that is asked.
    ///   - reactor: Who asks.
    ///   - giveUp: What is told; with `nil` the waiting goes on.
    /// - Returns: The end.
    /// - Throws: How it was lost, or what was told.
    func value(
        askingAt instant: ContinuousClock.Instant,
        on reactor: Reactor,
        _ giveUp: @escaping @Sendable () -> LaunchError?
    ) async throws(LaunchError) -> ExitReport {
        var alarm: Reactor.Ticket?
        let outcome = await withCheckedContinuation { continuation in
            guard let number = enter(continuation) else { return }
            alarm = reactor.alarm(at: instant) { [self] in
                guard let error = giveUp() else { return }
                state.withLock { $0.waiters.removeValue(forKey: number) }?.resume(returning: .failure(error))
            }
        }
        if let alarm { reactor.cancel(alarm) }
        return try outcome.get()
    }

    /// - Returns: The number of who waits now; `nil` when there is nothing to wait for.
    @discardableResult
    private func enter(_ continuation: CheckedContinuation<Outcome, Never>) -> UInt64? {
        let (outcome, number) = state.withLock { state -> (Outcome?, UInt64) in
            let number = state.nextNumber
            state.nextNumber += 1
            if state.outcome == nil { state.waiters[number] = continuation }
            return (state.outcome, number)
        }
        guard let outcome else { return number }
        continuation.resume(returning: outcome)
        return nil
    }
}
