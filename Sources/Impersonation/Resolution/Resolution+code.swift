import SystemPackage

extension Resolution {
    /// What came of the request, as reports and the audit log spell it: `identity`, `denied` or `badlogin`.
    public var outcome: String {
        switch self {
        case .identity: "identity"
        case .denied: "denied"
        case .badLogin: "badlogin"
        }
    }

    /// The stable code of the decision: the reason of a denial or a badlogin; for an identity the rule that chose the
    /// account.
    ///
    /// Proxy and desktop mode choose the account by themselves (`proxyMode`, `desktopMode`); in user mode it is the
    /// right the login has, the last entry of the explanation (`selfAllowed`, `grant`).
    public var reason: String {
        switch self {
        case .identity(let identity, let explanation):
            switch identity.mode {
            case .proxy, .desktop: "\(identity.mode.rawValue)Mode"
            case .user: explanation.entries.last?.rule ?? "userMode"
            }
        case .denied(let denial, _): denial.reason.description
        case .badLogin(let badLogin, _): badLogin.reason.description
        }
    }

    /// What was decided, to which account, and what to do about it, for a person.
    public var message: String {
        switch self {
        case .identity(let identity, _):
            "\(identity.login) runs as \(identity.account.name), user id \(identity.account.userID.rawValue)"
        case .denied(let denial, _): denial.message
        case .badLogin(let badLogin, _): badLogin.message
        }
    }
}
