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
