import Synchronization

/// One lookup under way, and everybody who waits for it.
final class AccountFlight: Sendable {
    typealias Outcome = Result<AccountAnswer, AccountDirectoryError>

    private struct Passengers {
        var seats: [OneShot<Outcome>] = []
        var outcome: Outcome?
    }

    let question: AccountQuestion
    let began: ContinuousClock.Instant
    let stamp: LocalFilesStamp?

    private let passengers = Mutex(Passengers())

    init(question: AccountQuestion, began: ContinuousClock.Instant, stamp: LocalFilesStamp?) {
        self.question = question
        self.began = began
        self.stamp = stamp
    }

    /// Waits for the outcome; a cancelled task stops waiting alone, the lookup goes on for the others.
    func outcome(orWhenCancelled cancelled: Outcome) async -> Outcome {
        let seat = OneShot<Outcome>()
        let landed = passengers.withLock { passengers -> Outcome? in
            if passengers.outcome == nil { passengers.seats.append(seat) }
            return passengers.outcome
        }
        if let landed { return landed }
        return await seat.value(orWhenCancelled: cancelled)
    }

    /// Tells everybody the outcome.
    func land(_ outcome: Outcome) {
        let seats = passengers.withLock { passengers -> [OneShot<Outcome>] in
            defer { passengers.seats = [] }
            passengers.outcome = passengers.outcome ?? outcome
            return passengers.seats
        }
        for seat in seats { seat.settle(outcome) }
    }
}
