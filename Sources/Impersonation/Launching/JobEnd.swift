import LaunchPlan
import Synchronization

/// How a job ended, once that is known, and who waits to hear it.
final class JobEnd: Sendable {
    typealias Outcome = Result<ExitReport, LaunchError>

    private struct Waiter {
        let continuation: CheckedContinuation<Outcome, Never>
        var alarm: (reactor: Reactor, ticket: Reactor.Ticket)?
    }

    private struct State {
        var outcome: Outcome?
        var waiters: [UInt64: Waiter] = [:]
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
        for waiter in waiters {
            if let (reactor, ticket) = waiter.alarm { reactor.cancel(ticket) }
            waiter.continuation.resume(returning: first)
        }
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
        try await withCheckedContinuation { continuation in
            guard let number = enter(continuation) else { return }
            ask(number, at: instant, on: reactor, giveUp)
        }
        .get()
    }

    /// How soon it is asked again.
    private static let askingInterval = Duration.seconds(10)

    private func ask(
        _ number: UInt64,
        at instant: ContinuousClock.Instant,
        on reactor: Reactor,
        _ giveUp: @escaping @Sendable () -> LaunchError?
    ) {
        let alarm = reactor.alarm(at: instant) { [self] in
            guard state.withLock({ $0.waiters[number] != nil }) else { return }
            guard let error = giveUp() else {
                return ask(number, at: .now + Self.askingInterval, on: reactor, giveUp)
            }
            state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume(returning: .failure(error))
        }
        // It may be known by now, with nobody left to take the alarm back.
        let isWaiting = state.withLock { state in
            state.waiters[number]?.alarm = (reactor, alarm)
            return state.waiters[number] != nil
        }
        if !isWaiting { reactor.cancel(alarm) }
    }

    /// - Returns: The number of who waits now; `nil` when there is nothing to wait for.
    @discardableResult
    private func enter(_ continuation: CheckedContinuation<Outcome, Never>) -> UInt64? {
        let (outcome, number) = state.withLock { state -> (Outcome?, UInt64) in
            let number = state.nextNumber
            state.nextNumber += 1
            if state.outcome == nil { state.waiters[number] = Waiter(continuation: continuation) }
            return (state.outcome, number)
        }
        guard let outcome else { return number }
        continuation.resume(returning: outcome)
        return nil
    }
}
