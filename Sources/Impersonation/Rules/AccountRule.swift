/// One thing an account has to satisfy before a job may run as it.
///
/// Rules are small and composable; ``AccountRules`` applies them in order and the first refusal decides.
public protocol AccountRule: Sendable {
    /// The stable name of the rule in explanations, in lower camel case.
    var name: String { get }

    /// Where the rule comes from.
    var source: RuleSource { get }

    /// Judges one account.
    ///
    /// - Parameters:
    ///   - candidate: The account, as the directory answered, and what was asked for.
    ///   - directory: Where names in the rule itself are looked up.
    /// - Returns: Whether the account passes, and why.
    /// - Throws: ``AccountDirectoryError`` when the rule could not be decided. Nothing may run then.
    func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict
}

/// An account that wants to become an ``ExecutionIdentity``, and the question it answers.
public struct AccountCandidate: Sendable {
    /// The account, as the directory answered.
    public let account: Account

    /// The name the directory was asked for.
    public let askedFor: AccountName

    /// The request it is for.
    public let request: ExecutionRequest

    /// Creates a candidate.
    ///
    /// - Parameters:
    ///   - account: The account, as the directory answered.
    ///   - askedFor: The name the directory was asked for.
    ///   - request: The request it is for.
    public init(account: Account, askedFor: AccountName, request: ExecutionRequest) {
        self.account = account
        self.askedFor = askedFor
        self.request = request
    }
}

/// What an ``AccountRule`` says about an account.
public enum AccountVerdict: Sendable, Hashable {
    /// The account passes; the text says why, for an explanation.
    case passes(String)

    /// The rule has nothing to say about the account and stays out of the explanation.
    case notConcerned

    /// The account is refused.
    case refused(Denial)
}
