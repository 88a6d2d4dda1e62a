/// The answers a ``CachingAccountDirectory`` remembers, and the lookups under way.
///
/// Answers and denials of existence have room of their own: a flood of invented names does not drive out the accounts
/// that jobs run as.
struct AccountCache {
    /// An answer, with what decides whether it still holds.
    private struct Entry {
        let answer: AccountAnswer
        let expires: ContinuousClock.Instant
        let stamp: LocalFilesStamp?
    }

    private let capacity: Int
    private var accounts: [AccountQuestion: Entry] = [:]
    private var absences: [AccountQuestion: Entry] = [:]
    private var flights: [AccountQuestion: AccountFlight] = [:]

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    /// How many answers are remembered, expired ones included.
    var count: Int { accounts.count + absences.count }

    /// The remembered answer, when it is within its time to live and the local files are as they were.
    func freshAnswer(
        to question: AccountQuestion,
        at now: ContinuousClock.Instant,
        stamp: LocalFilesStamp?
    ) -> AccountAnswer? {
        guard let entry = accounts[question] ?? absences[question] else { return nil }
        return now < entry.expires && entry.stamp == stamp ? entry.answer : nil
    }

    /// The remembered answer, however old, unless it says that there is none.
    func staleAnswer(to question: AccountQuestion) -> AccountAnswer? {
        accounts[question]?.answer
    }

    /// The lookup under way that a new asker may wait for.
    func flight(for question: AccountQuestion, stamp: LocalFilesStamp?) -> AccountFlight? {
        guard let flight = flights[question], flight.stamp == stamp else { return nil }
        return flight
    }

    /// Makes a lookup the one that new askers wait for; the answer of the one before will not be remembered.
    mutating func begin(_ flight: AccountFlight) {
        flights[flight.question] = flight
    }

    /// Ends a lookup and remembers its answer, unless something was invalidated or asked anew meanwhile.
    mutating func end(_ flight: AccountFlight, with answer: AccountAnswer?, timeToLive: Duration) {
        guard flights[flight.question] === flight else { return }
        flights[flight.question] = nil
        guard let answer else { return }
        accounts[flight.question] = nil
        absences[flight.question] = nil
        let entry = Entry(answer: answer, expires: flight.began + timeToLive, stamp: flight.stamp)
        if answer.isNegative {
            absences[flight.question] = entry
            Self.evict(from: &absences, capacity: max(1, capacity / 4))
        } else {
            accounts[flight.question] = entry
            Self.evict(from: &accounts, capacity: capacity)
        }
    }

    /// Forgets every answer about the accounts that match, under whatever name or id they were asked for.
    ///
    /// Lookups under way are cut loose whatever they are for: what they will answer is not known yet.
    mutating func invalidate(_ isMeant: (AccountQuestion, Account?) -> Bool) {
        flights.removeAll()
        absences = absences.filter { !isMeant($0.key, nil) }
        let meant = accounts.filter { isMeant($0.key, $0.value.answer.account) }
        let ids = Set(meant.values.compactMap { $0.answer.account?.userID })
        accounts = accounts.filter { question, entry in
            guard let account = entry.answer.account else { return meant[question] == nil }
            return !ids.contains(account.userID)
        }
    }

    /// Forgets everything.
    mutating func invalidateAll() {
        flights.removeAll()
        accounts.removeAll()
        absences.removeAll()
    }

    /// Makes room for a quarter at a time, so that a full cache is not sorted for every answer.
    private static func evict(from entries: inout [AccountQuestion: Entry], capacity: Int) {
        guard entries.count > capacity else { return }
        let surplus = entries.count - capacity + capacity / 4
        let oldest = entries.sorted { $0.value.expires < $1.value.expires }.prefix(surplus)
        for (question, _) in oldest { entries[question] = nil }
    }
}
