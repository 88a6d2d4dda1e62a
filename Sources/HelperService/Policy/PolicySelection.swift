/// Users, members of groups, or all: what one key of a policy names.
package struct PolicySelection: Hashable, Sendable {
    /// Whether everybody is meant, by `*`.
    package let everybody: PolicyDecision

    /// Users by their ids.
    package let users: [PolicyIdentity]

    /// Groups whose members are meant, by their ids.
    package let groups: [PolicyIdentity]

    /// Nobody.
    static let nobody = PolicySelection(everybody: .forbidden, users: [], groups: [])

    /// Everybody.
    static let all = PolicySelection(everybody: .permitted, users: [], groups: [])

    /// Whether somebody is meant.
    func contains(user: UInt32, groups memberships: [UInt32]) -> PolicyDecision {
        if everybody.isPermitted { return .permitted }
        if users.contains(where: { $0.number == user }) { return .permitted }
        return groups.contains { memberships.contains($0.number) } ? .permitted : .forbidden
    }

    func rendered(users userKind: String = "uid") -> String {
        if everybody.isPermitted { return "all" }
        let named = users.map { $0.rendered(userKind) } + groups.map { "members of \($0.rendered("gid"))" }
        return named.isEmpty ? "none" : named.joined(separator: ", ")
    }
}
