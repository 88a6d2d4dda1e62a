public import FoundationEssentials

/// Everything a ``ProxyRegistry`` knows of one login, read at one point in time.
public struct ProxyStanding: Sendable, Hashable {
    /// The login.
    public let login: AccountName

    /// Its grants, ended ones too.
    public let grants: [Grant]

    /// The account it acts as right now, if it is bound to one.
    ///
    /// A binding stays recorded when the grant it rests on has ended; whether it may still be used is what
    /// ``denial(actingAs:at:from:)`` says.
    public let binding: Binding?

    /// Whether the login is itself the target of a grant, and so may not act for others.
    ///
    /// An ended grant counts until it is revoked: it may be prolonged at any time.
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

    /// Says why the login may not act as an account, the one rule that resolvers and registries share.
    ///
    /// A login may always act as itself. A proxy account may act for nobody else. Everybody else needs a grant that
    /// holds at that moment, for that address.
    ///
    /// - Parameters:
    ///   - account: The account the login wants to act as.
    ///   - date: The moment the grant must hold at.
    ///   - remoteAddress: The address the request comes from, if it came over a network.
    /// - Returns: Why not, or `nil` when the login may act as the account.
    public func denial(actingAs account: AccountName, at date: Date, from remoteAddress: String?) -> Denial? {
        if account == login { return nil }
        if isProxyAccount {
            return Denial(
                .proxyMayNotProxy,
                message: "\(login) is itself a proxy account, others may act as it, so it may not act as \(account): "
                    + "log in as the person, or revoke the grants for \(login)"
            )
        }
        guard let grant = grants.first(where: { $0.login == login && $0.account == account }) else {
            return Denial(
                .notGranted,
                message: "\(login) has no grant to act as \(account): ask an administrator to add one"
            )
        }
        if let until = grant.until, !grant.holds(at: date) {
            return Denial(
                .grantExpired,
                message: "the grant of \(login) to act as \(account) ended at \(until.ISO8601Format()): "
                    + "ask an administrator to prolong it"
            )
        }
        guard grant.addresses.allows(remoteAddress) else {
            return Denial(
                .grantNotForAddress,
                message: "the grant of \(login) to act as \(account) does not hold for "
                    + "\(Self.printable(remoteAddress)), only for \(grant.addresses): send the request from there, or have the grant widened"
            )
        }
        return nil
    }

    /// An address as a message may show it; it came over the network and may hold anything.
    private static func printable(_ remoteAddress: String?) -> String {
        guard let remoteAddress else { return "requests without a network address" }
        let escaped = remoteAddress.unicodeScalars.prefix(64).map { $0.escaped(asASCII: true) }.joined()
        return "requests from \"\(escaped)\""
    }
}
