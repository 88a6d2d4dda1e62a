public import SystemPackage

/// Who asks for a job to be run, and as whom.
///
/// The texts are kept exactly as they arrived; the resolver parses them, so that a name that is refused still stands
/// in the audit log as it was written.
public struct ExecutionRequest: Sendable, Hashable {
    /// The authenticated person the request comes from; never taken from the body of the request.
    public var login: String?

    /// The account the job asks to run as, if it names one.
    ///
    /// Qube! calls it the job's user, Linkis the proxy user.
    public var requestedAccount: String?

    /// The network address the request came from, if it came over a network.
    ///
    /// Grants may be limited to addresses.
    public var remoteAddress: String?

    /// The user id the account had when the job was submitted, checked again when it is launched.
    public var pinnedUserID: UserID?

    /// The primary group the account had when the job was submitted, checked again when it is launched.
    public var pinnedGroupID: GroupID?

    /// A label for accounting (`qbsub --account`).
    ///
    /// It never has any influence on the identity.
    public var accountingLabel: String?

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - login: The authenticated person the request comes from. Without one the request is denied.
    ///   - requestedAccount: The account the job asks to run as.
    ///   - remoteAddress: The network address the request came from.
    ///   - pinnedUserID: The user id the account had when the job was submitted.
    ///   - pinnedGroupID: The primary group the account had when the job was submitted.
    ///   - accountingLabel: A label for accounting, without influence on the identity.
    public init(
        login: String?,
        requestedAccount: String? = nil,
        remoteAddress: String? = nil,
        pinnedUserID: UserID? = nil,
        pinnedGroupID: GroupID? = nil,
        accountingLabel: String? = nil
    ) {
        self.login = login
        self.requestedAccount = requestedAccount
        self.remoteAddress = remoteAddress
        self.pinnedUserID = pinnedUserID
        self.pinnedGroupID = pinnedGroupID
        self.accountingLabel = accountingLabel
    }
}
