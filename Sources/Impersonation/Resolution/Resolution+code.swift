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
    public var reason: String {
        switch self {
        case .identity(let identity, let explanation):
            explanation.entries.first?.rule ?? "\(identity.mode.rawValue)Mode"
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
