/// How account names are spelt at a site.
public struct AccountNameSyntax: Sendable, Hashable {
    /// The character between domain and user in a down-level name, `\` unless the site changed it.
    ///
    /// The corresponding setting of Samba is `winbind separator`. It is one of `\ + / | ! ^ % ~ =`: with any other, every name is
    /// refused.
    public var separator: Character

    /// Whether `user@domain.tld` is read as a user principal name.
    public var acceptsPrincipalNames: Bool

    /// Creates a syntax.
    ///
    /// - Parameters:
    ///   - separator: The character between domain and user in a down-level name.
    ///   - acceptsPrincipalNames: Whether `user@domain.tld` is read as a user principal name.
    public init(separator: Character = "\\", acceptsPrincipalNames: Bool = true) {
        self.separator = separator
        self.acceptsPrincipalNames = acceptsPrincipalNames
    }

    /// `DOMAIN\user`, `user@domain.tld` and bare names.
    public static let standard = AccountNameSyntax()
}
