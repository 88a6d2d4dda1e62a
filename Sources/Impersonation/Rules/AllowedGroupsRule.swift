import SystemPackage

/// The only groups whose members run jobs, be it their primary or a supplementary group.
///
/// One of the groups is enough. A group that the directory does not know allows nobody, and an empty list allows
/// nobody either. To let everybody run jobs, leave the rule out.
public struct AllowedGroupsRule: AccountRule {
    /// The allowed groups, each with the place it was allowed at.
    public let entries: [Sourced<GroupReference>]

    /// Where the list was set.
    public let source: RuleSource

    /// The stable name of the rule.
    public var name: String { "allowedGroups" }

    /// Creates a rule from groups that were allowed at different places.
    ///
    /// - Parameters:
    ///   - entries: The allowed groups, each with the place it was allowed at. An empty list allows nobody.
    ///   - source: Where the list as a whole was set; unless given, the place of the first entry.
    public init(_ entries: [Sourced<GroupReference>], from source: RuleSource? = nil) {
        self.entries = entries
        self.source = source ?? entries.first?.source ?? .program
    }

    /// Creates a rule from groups that were allowed at one place.
    ///
    /// - Parameters:
    ///   - groups: The allowed groups. An empty list allows nobody.
    ///   - source: Where the list was set.
    public init(_ groups: [GroupReference], from source: RuleSource = .program) {
        self.init(groups.map { Sourced($0, from: source) }, from: source)
    }

    /// Judges one account by its groups.
    ///
    /// - Parameters:
    ///   - candidate: The account.
    ///   - directory: Where the names on the list are looked up.
    /// - Returns: Whether the account is in one of the groups.
    /// - Throws: ``AccountDirectoryError`` when a group on the list could not be looked up before one matched.
    public func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        let account = candidate.account
        var unknown: [String] = []
        for entry in entries {
            guard let id = try await entry.value.id(in: directory) else {
                unknown.append("\(entry.value) (\(entry.source))")
                continue
            }
            guard account.groups.contains(id) else { continue }
            return .passes(
                "account \(account.name) is in the group \(entry.value) (gid \(id.rawValue)), which is allowed",
                from: entry.source
            )
        }
        let list =
            entries.isEmpty
            ? "nobody is allowed: the list is empty" : "it is in none of \(entries.count) allowed groups"
        let gaps = unknown.isEmpty ? "" : "; the directory does not know \(unknown.joined(separator: ", "))"
        return .refused(
            Denial(
                .notAllowedGroup,
                message: "account \(account.name) is not allowed, \(list) (\(source))\(gaps); "
                    + "name another account, or put it into an allowed group"
            )
        )
    }
}
