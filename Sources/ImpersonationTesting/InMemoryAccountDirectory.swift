public import Impersonation
import Synchronization
public import SystemPackage

/// A name service made of what a test says: accounts, groups, lies and outages.
///
/// It records what it is asked. Like a `passwd(5)` file it answers a user id with the first account that has it, and a name only with an account of
/// that name; ``answer(_:with:)`` makes it answer with another one, as real directories do. Like a name service
/// without a cache it answers alike whatever the freshness, and records which one was asked for.
///
/// Shared by everything it is handed to; every change holds from the next lookup on.
public final class InMemoryAccountDirectory: AccountDirectory {
    private struct State {
        var accounts: [Account] = []
        var groups: [String: GroupID] = [:]
        var answers: [AccountName: Account] = [:]
        var failures: [AccountLookup.Question: AccountDirectoryError] = [:]
        var outage: AccountDirectoryError?
        var doubts: [String] = []
        var lookups: [AccountLookup] = []
        var hook: (@Sendable (AccountLookup) async -> Void)?
    }

    private let state: Mutex<State>

    /// Creates a directory.
    ///
    /// - Parameters:
    ///   - accounts: The accounts it knows. Of several with one user id the first answers to that id.
    ///   - groups: The groups it knows, by name.
    public init(_ accounts: [Account] = [], groups: [String: GroupID] = [:]) {
        self.state = Mutex(State(accounts: accounts, groups: groups))
    }

    /// Every lookup so far, in order.
    public var lookups: [AccountLookup] { state.withLock { $0.lookups } }

    /// How many lookups there were so far.
    public var lookupCount: Int { state.withLock { $0.lookups.count } }

    /// Forgets the lookups so far; accounts, groups and failures stay.
    public func forgetLookups() {
        state.withLock { $0.lookups = [] }
    }

    /// Adds an account, in place of an earlier one of the same name.
    ///
    /// - Parameter account: The account to add.
    public func add(_ account: Account) {
        state.withLock { state in
            if let index = state.accounts.firstIndex(where: { $0.name == account.name }) {
                state.accounts[index] = account
            } else {
                state.accounts.append(account)
            }
        }
    }

    /// Removes the account of a name, and the answer set for that name.
    ///
    /// - Parameter name: The name of the account.
    public func remove(_ name: AccountName) {
        state.withLock { state in
            state.accounts.removeAll { $0.name == name }
            state.answers[name] = nil
        }
    }

    /// Adds a group, or gives a group another id.
    ///
    /// - Parameters:
    ///   - name: The name of the group.
    ///   - id: The group id.
    public func addGroup(_ name: String, id: GroupID) {
        state.withLock { $0.groups[name] = id }
    }

    /// Answers a name with an account that may be called differently, as a directory with a default domain does.
    ///
    /// - Parameters:
    ///   - name: The name that is asked for.
    ///   - account: What the directory answers.
    public func answer(_ name: AccountName, with account: Account) {
        state.withLock { $0.answers[name] = account }
    }

    /// Makes one question fail from now on.
    ///
    /// - Parameters:
    ///   - question: The question that fails.
    ///   - error: The failure, or `nil` to answer again.
    public func fail(_ question: AccountLookup.Question, with error: AccountDirectoryError? = .testOutage) {
        state.withLock { $0.failures[question] = error }
    }

    /// Makes every question fail from now on: the name service is down.
    ///
    /// - Parameter error: The failure, or `nil` to answer again.
    public func failEverything(with error: AccountDirectoryError? = .testOutage) {
        state.withLock { $0.outage = error }
    }

    /// Makes it doubtful whether an account that is not found is not there.
    ///
    /// - Parameter reasons: What is the matter and what to do about it; empty to be sure again.
    public func doubtAbsence(_ reasons: [String]) {
        state.withLock { $0.doubts = reasons }
    }

    /// What ``doubtAbsence(_:)`` was told; no lookup.
    public func reasonsToDoubtAbsence() async -> [String] { state.withLock { $0.doubts } }

    /// Runs something at the start of every lookup, after it was recorded and before it is answered: to hold a lookup
    /// up until a test lets it go, or to change the directory in between.
    ///
    /// - Parameter hook: What is run, or `nil` for nothing.
    public func beforeAnswering(_ hook: (@Sendable (AccountLookup) async -> Void)?) {
        state.withLock { $0.hook = hook }
    }

    /// Looks an account up by name.
    public func account(
        named name: AccountName,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> Account? {
        try await ask(.account(named: name), freshness: freshness) { state in
            state.answers[name] ?? state.accounts.first { $0.name == name }
        }
    }

    /// Looks an account up by user id.
    public func account(
        withID userID: UserID,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> Account? {
        try await ask(.account(withID: userID), freshness: freshness) { state in
            state.accounts.first { $0.userID == userID }
        }
    }

    /// Looks a group up by name.
    public func groupID(
        named name: String,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> GroupID? {
        try await ask(.group(named: name), freshness: freshness) { $0.groups[name] }
    }

    private func ask<Value: Sendable>(
        _ question: AccountLookup.Question,
        freshness: AccountFreshness,
        _ look: (borrowing State) -> Value?
    ) async throws(AccountDirectoryError) -> Value? {
        let lookup = AccountLookup(question, freshness: freshness)
        let hook = state.withLock { state in
            state.lookups.append(lookup)
            return state.hook
        }
        await hook?(lookup)
        return try state.withLock { state throws(AccountDirectoryError) in
            if let error = state.outage ?? state.failures[question] { throw error }
            return look(state)
        }
    }
}

extension AccountDirectoryError {
    /// The failure of a directory that is down, for tests that do not care which.
    public static let testOutage = AccountDirectoryError(
        .unavailable,
        subject: "a directory in a test",
        errno: .connectionRefused,
        message: "the test made the directory fail; make it answer again"
    )
}
