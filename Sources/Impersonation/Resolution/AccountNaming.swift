/// What a bare account name means at a site.
public struct AccountNaming: Sendable, Hashable {
    /// How account names are spelt.
    public let syntax: AccountNameSyntax

    /// The domain every bare name belongs to, or `nil` when a bare name is a local account first.
    public let hostDomain: String?

    /// Local accounts under bare names, and the standard spelling.
    public static let standard = AccountNaming()

    /// Creates a naming.
    ///
    /// - Parameters:
    ///   - syntax: How account names are spelt.
    ///   - hostDomain: The domain every bare name belongs to. An empty text is none.
    public init(syntax: AccountNameSyntax = .standard, hostDomain: String? = nil) {
        self.syntax = syntax
        self.hostDomain = hostDomain == "" ? nil : hostDomain
    }

    /// Puts a bare name into the host domain: `alice` becomes `MYCORP\alice`.
    ///
    /// - Parameter name: The name. A qualified one stays as it is, and so does every name without a host domain.
    /// - Returns: The name that the directory is asked for.
    /// - Throws: ``AccountNameError`` when the two together cannot be a name.
    public func qualified(_ name: AccountName) throws(AccountNameError) -> AccountName {
        guard let hostDomain else { return name }
        return try self.name(name, in: hostDomain)
    }

    /// Puts a bare name into a domain.
    func name(_ name: AccountName, in domain: String) throws(AccountNameError) -> AccountName {
        guard !name.isQualified else { return name }
        return try AccountName("\(domain)\(syntax.separator)\(name.user)", syntax: syntax)
    }

    /// The spellings that mean the same account under the host domain, the given one first.
    ///
    /// Rights are recorded under the name an administrator wrote, `alice` or `MYCORP\alice`; where a host domain is
    /// set the two are one account, so a right is looked for, and a refusal is found, under either.
    func spellings(of name: AccountName) -> [AccountName] {
        guard let hostDomain else { return [name] }
        guard let domain = name.domain else {
            guard let qualified = try? qualified(name) else { return [name] }
            return [name, qualified]
        }
        guard domain.lowercased() == hostDomain.lowercased(), let bare = try? AccountName(name.user, syntax: syntax)
        else { return [name] }
        return [name, bare]
    }

    /// Whether two names are one, written differently.
    func areOneName(_ left: AccountName, _ right: AccountName) -> Bool {
        left == right || spellings(of: left).contains(right)
    }
}
