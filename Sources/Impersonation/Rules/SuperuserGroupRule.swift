import SystemPackage

/// No job runs with the superuser's group, neither as its primary group nor as a supplementary one.
struct SuperuserGroupRule: AccountRule {
    var name: String { "superuserGroup" }
    var source: RuleSource { .builtIn }

    func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        guard candidate.account.groups.contains(where: { $0.rawValue == 0 }) else {
            // Also where the account may have more groups than a directory that hangs has told of (`groupsAreComplete`): no job gets
            // those. What sudo and PAM add is looked at for itself, by the launcher and by the helper's policy.
            return .notConcerned
        }
        return .refused(
            Denial(
                .superuserGroup,
                message: "account \(candidate.account.name) belongs to group 0: no job runs with the superuser's "
                    + "group; take the account out of that group"
            )
        )
    }
}
