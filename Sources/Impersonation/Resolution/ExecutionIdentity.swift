/// The account a job runs as, frozen: numbers, groups, home and shell, and why it may.
///
/// An execution identity is proof: it exists only when ``AccountRules`` let the
/// account pass, so a launcher that takes one cannot be asked to run a job as an account no rule has looked at. It
/// holds numbers, so nothing is looked up again on the way to the kernel.
public struct ExecutionIdentity: Sendable, Hashable {
    /// How a process comes to run under the identity.
    public enum Method: String, Sendable, Hashable {
        /// The launcher switches to the account.
        case switchAccount

        /// The job keeps the account of the worker itself (desktop mode); nothing is switched.
        case keepCurrentAccount
    }

    /// The account with its numbers and all its groups.
    public let account: Account

    /// The authenticated person on whose behalf the job runs.
    public let login: AccountName

    /// The mode that chose the account.
    public let mode: ExecutionMode

    /// How a process comes to run under the identity.
    public let method: Method

    /// Only ``AccountRules`` makes one, after every rule has passed.
    init(admitted account: Account, login: AccountName, mode: ExecutionMode, method: Method) {
        self.account = account
        self.login = login
        self.mode = mode
        self.method = method
    }
}
