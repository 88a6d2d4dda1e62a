public import SystemPackage

/// Who asks for a job to be run, and as whom.
///
/// The texts are kept exactly as they arrived; the resolver parses them, so that a name that is refused still stands
/// in the audit log as it was written.
public struct ExecutionRequest: Sendable, Hashable {
    /// The authenticated person the request comes from; never taken from the body of the request.
    public var login: String?

    /// The user id that the login was authenticated by, where it was one.
    ///
    /// The owner of a file or the other end of a socket (`SO_PEERCRED`) is known by number, and the name of that number
    /// may mean somebody else at this site: `alice` of this host is not `MYCORP\alice`. In user mode the login has to
    /// be the account of this user id before any of its rights is looked at. In proxy mode a login need not have an account
    /// here, and it decides nothing.
    public var loginUserID: UserID?

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
    ///   - loginUserID: The user id that the login was authenticated by, where it was one.
    ///   - requestedAccount: The account the job asks to run as.
    ///   - remoteAddress: The network address the request came from.
    ///   - pinnedUserID: The user id the account had when the job was submitted.
    ///   - pinnedGroupID: The primary group the account had when the job was submitted.
    ///   - accountingLabel: A label for accounting, without influence on the identity.
    public init(
        login: String?,
        loginUserID: UserID? = nil,
        requestedAccount: String? = nil,
        remoteAddress: String? = nil,
        pinnedUserID: UserID? = nil,
        pinnedGroupID: GroupID? = nil,
        accountingLabel: String? = nil
    ) {
        self.login = login
        self.loginUserID = loginUserID
        self.requestedAccount = requestedAccount
        self.remoteAddress = remoteAddress
        self.pinnedUserID = pinnedUserID
        self.pinnedGroupID = pinnedGroupID
        self.accountingLabel = accountingLabel
    }
}
