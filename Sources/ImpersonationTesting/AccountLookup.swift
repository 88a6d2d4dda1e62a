public import Impersonation
public import SystemPackage

/// One question that an ``InMemoryAccountDirectory`` was asked.
public struct AccountLookup: Sendable, Hashable {
    /// What was asked.
    public enum Question: Sendable, Hashable {
        /// For an account by its name.
        case account(named: AccountName)

        /// For an account by its user id.
        case account(withID: UserID)

        /// For a group by its name.
        case group(named: String)
    }

    /// What was asked.
    public let question: Question

    /// How old the answer was allowed to be.
    public let freshness: AccountFreshness

    /// Creates a lookup, to compare with.
    ///
    /// - Parameters:
    ///   - question: What was asked.
    ///   - freshness: How old the answer was allowed to be.
    public init(_ question: Question, freshness: AccountFreshness) {
        self.question = question
        self.freshness = freshness
    }
}
