import Synchronization
public import SystemPackage

/// Remembers the answers of another ``AccountDirectory`` for a while.
///
/// - `AccountFreshness.current` always asks the directory behind.
/// - `AccountFreshness.cached` takes a remembered answer within its time to live, counted from when it was asked for.
/// - `AccountFreshness.stale` takes a remembered account of any age when the directory behind cannot be asked. It never
///   takes "there is no such account" from memory then, nor any answer when the directory gave an inconsistent one.
///   Nothing new may be granted by it.
///
/// An account whose groups are not complete (``Account/groupsAreComplete``) is not remembered, and leaves what is.
///
/// However many tasks ask the same question at once, it is asked once. A cancelled asker gets
/// ``AccountDirectoryError/Code/cancelled`` at once; the lookup goes on for the others. Errors are never remembered.
/// The same name in two spellings is two questions, because a directory may know one and not the other.
///
/// After an invalidation no answer that was asked for earlier is remembered, not even one that is still to come.
public final class CachingAccountDirectory: AccountDirectory {
    private let directory: any AccountDirectory
    private let timeToLive: Duration
    private let negativeTimeToLive: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let stamp: (@Sendable () -> LocalFilesStamp)?
    private let cache: Mutex<AccountCache>
    private let doubts: AbsenceDoubts

    /// Creates a cache in front of a directory.
    ///
    /// - Parameters:
    ///   - directory: The directory that is asked.
    ///   - timeToLive: How long an account or group is remembered. A removed account can start jobs for that long.
    ///   - negativeTimeToLive: How long "there is no such account" is remembered.
    ///   - capacity: How many accounts and groups are remembered; a quarter of it for names that do not exist.
    ///   - stamp: Taken with every question: an answer counts as expired when it differs from the one taken when the
    ///     answer was asked for. The default makes a change of the local files take effect at once; it costs three
    ///     `stat(2)` (3 microseconds) per question. `nil` leaves it to the time to live.
    ///   - now: The clock.
    public init(
        _ directory: any AccountDirectory,
        timeToLive: Duration = .seconds(60),
        negativeTimeToLive: Duration = .seconds(5),
        capacity: Int = 10_000,
        stamp: (@Sendable () -> LocalFilesStamp)? = { LocalFilesStamp() },
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.directory = directory
        self.timeToLive = timeToLive
        self.negativeTimeToLive = negativeTimeToLive
        self.stamp = stamp
        self.now = now
        cache = Mutex(AccountCache(capacity: capacity))
        doubts = AbsenceDoubts(of: directory, timeToLive: negativeTimeToLive, now: now)
    }

    /// How many answers are remembered, expired ones included.
    public var count: Int { cache.withLock { $0.count } }

    /// Looks an account up by name, in memory or in the directory behind.
    ///
    /// - Parameters:
    ///   - name: The name to ask for.
    ///   - freshness: How old the answer may be.
    /// - Returns: The account with all its groups, or `nil` when the directory says that there is none.
    /// - Throws: ``AccountDirectoryError`` when the directory could not be asked or gave no usable answer.
    public func account(
        named name: AccountName,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> Account? {
        let lookup: Lookup = { directory throws(AccountDirectoryError) in
            .account(try await directory.account(named: name, freshness: .current))
        }
        return try await answer(to: AccountQuestion(name), subject: "account \(name)", freshness, lookup).account
    }

    /// Looks an account up by user id, in memory or in the directory behind.
    ///
    /// - Parameters:
    ///   - userID: The user id to ask for.
    ///   - freshness: How old the answer may be.
    /// - Returns: The account with all its groups, or `nil` when the directory says that there is none.
    /// - Throws: ``AccountDirectoryError`` when the directory could not be asked or gave no usable answer.
    public func account(
        withID userID: UserID,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> Account? {
        let lookup: Lookup = { directory throws(AccountDirectoryError) in
            .account(try await directory.account(withID: userID, freshness: .current))
        }
        return try await answer(to: .userID(userID), subject: "uid \(userID.rawValue)", freshness, lookup).account
    }

    /// Looks a group up by name, in memory or in the directory behind.
    ///
    /// - Parameters:
    ///   - name: The name of the group.
    ///   - freshness: How old the answer may be.
    /// - Returns: The group id, or `nil` when the directory says that there is no such group.
    /// - Throws: ``AccountDirectoryError`` when the directory could not be asked or gave no usable answer.
    public func groupID(
        named name: String,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> GroupID? {
        let lookup: Lookup = { directory throws(AccountDirectoryError) in
            .group(try await directory.groupID(named: name, freshness: .current))
        }
        let subject = "group \(name.printable())"
        return try await answer(to: .group(name), subject: subject, freshness, lookup).groupID
    }

    /// What the directory behind says: reasons are remembered as long as "there is no such account", and that there are none is never
    /// older than the call.
    ///
    /// However many tasks ask at once, the directory behind is asked twice at most.
    ///
    /// - Returns: Its reasons.
    public func reasonsToDoubtAbsence() async -> [String] { await doubts.reasons() }

    /// Forgets everything about one account: whatever was asked for by this name in any spelling, and every other
    /// answer that is the same account.
    ///
    /// - Parameter name: The name of the account.
    public func invalidate(_ name: AccountName) {
        cache.withLock { cache in
            cache.invalidate { question, account in
                if case .name(_, let canonical) = question, canonical == name.canonical { return true }
                return account?.name == name
            }
        }
    }

    /// Forgets everything about one account.
    ///
    /// - Parameter userID: The user id of the account.
    public func invalidate(_ userID: UserID) {
        cache.withLock { cache in
            cache.invalidate { question, account in question == .userID(userID) || account?.userID == userID }
        }
    }

    /// Forgets what is known of one group; accounts that are its members are not touched.
    ///
    /// - Parameter name: The name of the group.
    public func invalidateGroup(named name: String) {
        cache.withLock { cache in
            cache.invalidate { question, _ in question == .group(name) }
        }
    }

    /// Forgets everything.
    public func invalidateAll() {
        cache.withLock { $0.invalidateAll() }
        doubts.forget()
    }

    private typealias Lookup =
        @Sendable (_ directory: any AccountDirectory) async throws(AccountDirectoryError) -> AccountAnswer

    private func answer(
        to question: AccountQuestion,
        subject: String,
        _ freshness: AccountFreshness,
        _ lookup: @escaping Lookup
    ) async throws(AccountDirectoryError) -> AccountAnswer {
        // Taken before the question is asked: a change during the lookup then makes its answer expire.
        let stamp = stamp?()
        let now = now()
        enum Step {
            case remembered(AccountAnswer)
            case join(AccountFlight)
            case begin(AccountFlight)
        }
        let step = cache.withLock { cache -> Step in
            if freshness != .current {
                if let answer = cache.freshAnswer(to: question, at: now, stamp: stamp) { return .remembered(answer) }
                if let flight = cache.flight(for: question, stamp: stamp) { return .join(flight) }
            }
            let flight = AccountFlight(question: question, began: now, stamp: stamp)
            cache.begin(flight)
            return .begin(flight)
        }
        let flight: AccountFlight
        switch step {
        case .remembered(let answer): return answer
        case .join(let under): flight = under
        case .begin(let new):
            flight = new
            start(new, lookup)
        }
        let cancelled = AccountDirectoryError(
            .cancelled,
            subject: subject,
            message: "the task that asked was cancelled"
        )
        do {
            return try await flight.outcome(orWhenCancelled: .failure(cancelled)).get()
        } catch {
            guard freshness == .stale, error.code.isOutage,
                let answer = cache.withLock({ $0.staleAnswer(to: question) })
            else { throw error }
            return answer
        }
    }

    /// Asks in a task of its own: the lookup belongs to everybody who waits for it, not to the first of them.
    private func start(_ flight: AccountFlight, _ lookup: @escaping Lookup) {
        Task {
            let outcome: AccountFlight.Outcome
            do throws(AccountDirectoryError) {
                outcome = .success(try await lookup(directory))
            } catch {
                outcome = .failure(error)
            }
            let answer = try? outcome.get()
            let life = answer?.isNegative == true ? negativeTimeToLive : timeToLive
            let isPartial = answer?.account?.groupsAreComplete == false
            cache.withLock { $0.end(flight, with: isPartial ? nil : answer, timeToLive: life) }
            flight.land(outcome)
        }
    }
}

extension AccountDirectoryError.Code {
    /// Whether the directory could not be asked, as opposed to having answered with something unusable.
    fileprivate var isOutage: Bool {
        self == .unavailable || self == .deadlineExceeded || self == .saturated
    }
}
