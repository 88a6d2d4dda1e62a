/// What an ``AccountRule`` says about an account.
public enum AccountVerdict: Sendable, Hashable {
    /// The account passes; the text says why, for an explanation.
    ///
    /// The source is the part of the rule that had the say, where that is more exact than ``AccountRule/source``.
    case passes(String, from: RuleSource? = nil)

    /// The rule has nothing to say about the account and stays out of the explanation.
    case notConcerned

    /// The account is refused.
    ///
    /// The source is the part of the rule that had the say, where that is more exact than ``AccountRule/source``.
    case refused(Denial, from: RuleSource? = nil)
}
