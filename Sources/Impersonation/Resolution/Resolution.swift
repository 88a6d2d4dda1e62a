/// What an ``ExecutionIdentityResolver`` decided.
///
/// A denial is a value, not an error: an error means that nothing could be decided. A caller that runs a job only for
/// ``identity(_:because:)`` fails closed on both.
public enum Resolution: Sendable, Hashable {
    /// The job runs, as this account.
    case identity(ExecutionIdentity, because: Explanation)

    /// The job does not run: a rule refuses it.
    case denied(Denial, because: Explanation)

    /// The job does not run: the account or its credential is not usable.
    case badLogin(BadLogin, because: Explanation)

    /// Every rule that had a say.
    public var explanation: Explanation {
        switch self {
        case .identity(_, let explanation), .denied(_, let explanation), .badLogin(_, let explanation): explanation
        }
    }

    /// The identity, when there is one.
    public var identity: ExecutionIdentity? {
        guard case .identity(let identity, _) = self else { return nil }
        return identity
    }
}
