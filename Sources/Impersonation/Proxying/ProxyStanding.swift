/// Everything a ``ProxyRegistry`` knows of one login, read at one point in time.
public struct ProxyStanding: Sendable, Hashable {
    /// The login.
    public let login: AccountName

    /// Its grants, ended ones too.
    public let grants: [Grant]

    /// The account it acts as right now, if it is bound to one.
    public let binding: Binding?

    /// Whether the login is itself the target of a grant, and so may not act for others.
    public let isProxyAccount: Bool

    /// Creates a standing.
    ///
    /// - Parameters:
    ///   - login: The login.
    ///   - grants: Its grants, ended ones too.
    ///   - binding: The account it acts as right now.
    ///   - isProxyAccount: Whether the login is itself the target of a grant.
    public init(login: AccountName, grants: [Grant], binding: Binding?, isProxyAccount: Bool) {
        self.login = login
        self.grants = grants
        self.binding = binding
        self.isProxyAccount = isProxyAccount
    }
}
