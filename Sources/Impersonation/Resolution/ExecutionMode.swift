/// Whose account a worker runs its jobs with.
public enum ExecutionMode: String, Sendable, Hashable, CaseIterable {
    /// Every job runs as the worker's proxy account, whoever submitted it.
    case proxy

    /// Every job runs as its own account: the login user, or the account it may act as.
    case user

    /// Every job runs as the worker's own account; nothing is switched and no credential is asked for.
    case desktop
}
