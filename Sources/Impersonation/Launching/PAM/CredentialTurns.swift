import Synchronization

/// One launch after the other, for each account whose password is proven.
///
/// What comes of one is known before the next one tries: a password that has been changed elsewhere costs one wrong try, and not as
/// many as there are jobs, which would lock the account. Within one process: daemons of a fleet have one try each.
final class CredentialTurns: Sendable {
    static let shared = CredentialTurns()

    /// How the waiting for a turn ends.
    enum Outcome: Sendable {
        /// It is there.
        case turn

        /// It did not come in time.
        case late

        /// The task was cancelled.
        case cancelled
    }

    /// Who waits for each account that somebody has the turn of; whoever has given up is passed over.
    private let waiting = Mutex<[String: [OneShot<Outcome>]]>([:])

    /// Waits until nobody else has the turn of an account.
    ///
    /// - Parameters:
    ///   - account: The account.
    ///   - deadline: Until when.
    /// - Returns: Whether the turn is the caller's, who calls ``leave(_:)`` once he is done.
    func enter(_ account: AccountName, until deadline: ContinuousClock.Instant) async -> Outcome {
        let key = account.canonical
        let turn = OneShot<Outcome>()
        let isFirst = waiting.withLock { waiting in
            guard waiting[key] != nil else {
                waiting[key] = []
                return true
            }
            waiting[key]?.append(turn)
            return false
        }
        if isFirst { return .turn }
        let watch = Task {
            try await Task.sleep(until: deadline, clock: .continuous)
            turn.settle(.late)
        }
        defer { watch.cancel() }
        return await turn.value(orWhenCancelled: .cancelled)
    }

    /// Gives a turn to whoever waits longest.
    ///
    /// - Parameter account: The account.
    func leave(_ account: AccountName) {
        let key = account.canonical
        while let next = next(for: key) {
            if next.settle(.turn) { return }
        }
    }

    private func next(for key: String) -> OneShot<Outcome>? {
        waiting.withLock { waiting in
            guard var others = waiting[key], !others.isEmpty else {
                waiting[key] = nil
                return nil
            }
            let next = others.removeFirst()
            waiting[key] = others
            return next
        }
    }
}
