/// The only accounts that run jobs, by name.
///
/// An account passes under the very name that is listed, or under another spelling of it that the directory answers
/// with the same canonical name and the same user id. An alias that merely shares the user id does not pass: it may
/// have other groups. Bare names on the list mean what they mean in requests: the host domain's user where there is a
/// host domain, otherwise the local one.
///
/// An empty list allows nobody. To allow everybody, leave the rule out.
public struct AllowedAccountsRule: AccountRule {
    /// The allowed accounts, each with the place it was allowed at.
    public let entries: [Sourced<AccountName>]

    /// Where the list was set.
    public let source: RuleSource

    /// The stable name of the rule.
    public var name: String { "allowedAccounts" }

    /// Creates a rule from names that were allowed at different places.
    ///
    /// - Parameters:
    ///   - entries: The allowed accounts, each with the place it was allowed at. An empty list allows nobody.
    ///   - source: Where the list as a whole was set; unless given, the place of the first entry.
    public init(_ entries: [Sourced<AccountName>], from source: RuleSource? = nil) {
        self.entries = entries
        self.source = source ?? entries.first?.source ?? .program
    }

    /// Creates a rule from names that were allowed at one place.
    ///
    /// - Parameters:
    ///   - names: The allowed accounts. An empty list allows nobody.
    ///   - source: Where the list was set.
    public init(_ names: [AccountName], from source: RuleSource = .program) {
        self.init(names.map { Sourced($0, from: source) }, from: source)
    }

    /// Judges one account by its name.
    ///
    /// - Parameters:
    ///   - candidate: The account.
    ///   - directory: Where other spellings on the list are looked up.
    /// - Returns: Whether the account is on the list.
    /// - Throws: ``AccountDirectoryError`` when a name on the list could not be looked up.
    public func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        let account = candidate.account
        let asked: [(entry: Sourced<AccountName>, name: AccountName)] = entries.compactMap { entry in
            (try? candidate.naming.qualified(entry.value)).map { (entry, $0) }
        }
        if let match = asked.first(where: { $0.name == account.name || $0.name == candidate.askedFor }) {
            return .passes("account \(account.name) is allowed by name", from: match.entry.source)
        }
        // Another spelling has the same user part, as NameAgreementRule demands of every answer.
        for (entry, name) in asked where name.user.lowercased() == account.name.user.lowercased() {
            let listed = try await directory.account(named: name, freshness: .cached)
            guard let listed, listed.name == account.name, listed.userID == account.userID else { continue }
            return .passes("account \(account.name) is allowed as \(name)", from: entry.source)
        }
        let list =
            entries.isEmpty
            ? "nobody is allowed: the list is empty" : "it is none of \(entries.count) allowed accounts"
        return .refused(
            Denial(
                .notAllowedAccount,
                message: "account \(account.name) is not allowed, \(list) (\(source)); "
                    + "name an allowed account, or add \(account.name) to allowed_accounts"
            )
        )
    }
}
