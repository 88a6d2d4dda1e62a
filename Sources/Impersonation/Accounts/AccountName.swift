/// The name of an account as somebody wrote it: bare, `DOMAIN\user` or `user@domain.tld`.
///
/// An account name keeps its spelling and compares by its canonical form. A bare name is compared exactly, because
/// local accounts on Unix are case-sensitive. The domain and the user part of a qualified name are compared without
/// regard to case, because Active Directory and winbind are not case-sensitive. `MYCORP\someuser` and
/// `someuser@MYCORP` therefore name the same account; a bare `someuser` names neither of them.
///
/// Making an account name is the first line of defence: what cannot be the name of an account (empty, numeric, with
/// blanks, control characters or shell syntax, longer than ``maximumLength`` bytes) never reaches the name service.
public struct AccountName: Sendable, Hashable {
    /// How a name says which domain it belongs to.
    public enum Form: Sendable, Hashable {
        /// A name without a domain: `alice`.
        case bare

        /// A down-level logon name: `MYCORP\alice`, or with the separator of ``AccountNameSyntax``.
        case downLevel

        /// A user principal name: `alice@mycorp.test`.
        case principal
    }

    /// The longest accepted name in UTF-8 bytes, the domain included.
    ///
    /// `LOGIN_NAME_MAX` is 256 on Linux, the terminating zero included.
    public static let maximumLength = 255

    /// The name exactly as it was written.
    public let spelling: String

    /// The part that names the user inside its domain.
    public let user: String

    /// The domain the name was qualified with, as it was written, or `nil` for a bare name.
    public let domain: String?

    /// How the name says which domain it belongs to.
    public let form: Form

    init(spelling: String, user: String, domain: String?, form: Form) {
        self.spelling = spelling
        self.user = user
        self.domain = domain
        self.form = form
    }

    /// The form that names are compared by: the bare name itself, or `domain\user` in lower case.
    public var canonical: String {
        guard let domain else { return user }
        return "\(domain.lowercased())\\\(user.lowercased())"
    }

    /// Whether the name carries a domain.
    public var isQualified: Bool { domain != nil }

    /// Returns whether two spellings name the same account.
    public static func == (left: AccountName, right: AccountName) -> Bool {
        left.canonical == right.canonical
    }

    /// Hashes the canonical form.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(canonical)
    }
}

extension AccountName: CustomStringConvertible {
    /// The name exactly as it was written.
    public var description: String { spelling }
}
