import SystemPackage

/// Accounts that never run jobs, by name.
///
/// A name on the list denies the account under every name it has: the names on the list are looked up, and whatever
/// has the user id of one of them is denied too. A bare name on the list denies that user in every domain as well,
/// because a list that keeps people out had better keep out one too many; write `DOMAIN\user` to mean one domain only.
/// A name that the directory does not know denies whoever has it one day.
public struct DeniedAccountsRule: AccountRule {
    /// The denied accounts, each with the place it was denied at.
    public let entries: [Sourced<AccountName>]

    /// Where the list was set.
    public let source: RuleSource

    /// The stable name of the rule.
    public var name: String { "deniedAccounts" }

    /// Creates a rule from names that were denied at different places.
    ///
    /// - Parameters:
    ///   - entries: The denied accounts, each with the place it was denied at.
    ///   - source: Where the list as a whole was set; unless given, the place of the first entry.
    public init(_ entries: [Sourced<AccountName>], from source: RuleSource? = nil) {
        self.entries = entries
        self.source = source ?? entries.first?.source ?? .program
    }

    /// Creates a rule from names that were denied at one place.
    ///
    /// - Parameters:
    ///   - names: The denied accounts.
    ///   - source: Where the list was set.
    public init(_ names: [AccountName], from source: RuleSource = .program) {
        self.init(names.map { Sourced($0, from: source) }, from: source)
    }

    /// Judges one account by its name, and by the user ids of the names on the list.
    ///
    /// - Parameters:
    ///   - candidate: The account.
    ///   - directory: Where the names on the list are looked up.
    /// - Returns: Whether the account is on the list, under whichever name.
    /// - Throws: ``AccountDirectoryError`` when a name on the list could not be looked up.
    public func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        guard !entries.isEmpty else { return .notConcerned }
        let account = candidate.account
        for entry in entries where Self.means(entry.value, candidate) {
            return refusal(of: account, by: entry, "account \(account.name) is denied by name")
        }
        for entry in entries {
            for name in candidate.naming.spellings(of: entry.value) {
                let listed = try await directory.account(named: name, freshness: .cached)
                guard listed?.userID == account.userID else { continue }
                return refusal(
                    of: account,
                    by: entry,
                    "account \(account.name) has user id \(account.userID.rawValue) in common with \(name), which is denied"
                )
            }
        }
        return .passes("account \(account.name) is none of \(entries.count) denied accounts")
    }

    private func refusal(of account: Account, by entry: Sourced<AccountName>, _ text: String) -> AccountVerdict {
        let remedy = "name another account, or take \(entry.value) off denied_accounts"
        return .refused(Denial(.deniedAccount, message: "\(text) (\(entry.source)); \(remedy)"), from: entry.source)
    }

    /// Whether a name on the list and a candidate agree by name.
    private static func means(_ entry: AccountName, _ candidate: AccountCandidate) -> Bool {
        [candidate.account.name, candidate.askedFor]
            .contains { name in
                if entry == name { return true }
                guard let domain = name.domain, entry.user.lowercased() == name.user.lowercased() else { return false }
                guard let entryDomain = entry.domain else { return true }
                return NameAgreementRule.sameDomain(entryDomain, domain)
            }
    }
}
