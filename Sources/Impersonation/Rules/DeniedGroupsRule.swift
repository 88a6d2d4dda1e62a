import SystemPackage

/// Groups whose members never run jobs, be it their primary or a supplementary group.
///
/// While the directory does not know a group of the list, nothing is decided: a name that is misspelt would deny nobody,
/// and a directory that is down can look like one that does not know it. Nor is anything while the groups of the account are not
/// complete (``Account/groupsAreComplete``) and none of them is denied.
public struct DeniedGroupsRule: AccountRule {
    /// The denied groups, each with the place it was denied at.
    public let entries: [Sourced<GroupReference>]

    /// Where the list was set.
    public let source: RuleSource

    /// The stable name of the rule.
    public var name: String { "deniedGroups" }

    /// Creates a rule from groups that were denied at different places.
    ///
    /// - Parameters:
    ///   - entries: The denied groups, each with the place it was denied at.
    ///   - source: Where the list as a whole was set; unless given, the place of the first entry.
    public init(_ entries: [Sourced<GroupReference>], from source: RuleSource? = nil) {
        self.entries = entries
        self.source = source ?? entries.first?.source ?? .program
    }

    /// Creates a rule from groups that were denied at one place.
    ///
    /// - Parameters:
    ///   - groups: The denied groups.
    ///   - source: Where the list was set.
    public init(_ groups: [GroupReference], from source: RuleSource = .program) {
        self.init(groups.map { Sourced($0, from: source) }, from: source)
    }

    /// Judges one account by its groups.
    ///
    /// - Parameters:
    ///   - candidate: The account.
    ///   - directory: Where the names on the list are looked up.
    /// - Returns: Whether the account is in none of the groups.
    /// - Throws: ``AccountDirectoryError`` when a group on the list could not be looked up, or is unknown, and when the account
    ///   may have other groups.
    public func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        guard !entries.isEmpty else { return .notConcerned }
        let account = candidate.account
        var unknown: Sourced<GroupReference>?
        for entry in entries {
            guard let id = try await entry.value.id(in: directory) else {
                unknown = unknown ?? entry
                continue
            }
            guard account.groups.contains(id) else { continue }
            return .refused(
                Denial(
                    .deniedGroup,
                    message: "account \(account.name) is in the group \(entry.value) (gid \(id.rawValue)), "
                        + "which is denied (\(entry.source)); name another account, or take it out of the group"
                ),
                from: entry.source
            )
        }
        if let unknown {
            throw AccountDirectoryError(
                .inconsistentAnswer,
                subject: "group \(unknown.value)",
                message: "the directory does not know this group, which is denied (\(unknown.source)), so nobody can "
                    + "be told from its members; correct the name or take it off the list"
            )
        }
        try account.checkThatGroupsAreComplete("it is in one of the denied groups")
        return .passes("account \(account.name) is in none of \(entries.count) denied groups")
    }
}
