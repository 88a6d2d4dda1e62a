/// Groups are nobody to run jobs as, also where the directory gives them for accounts.
struct GroupAccountRule: AccountRule {
    var name: String { "groupAccount" }
    var source: RuleSource { .builtIn }

    func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        guard candidate.account.isGroup else { return .notConcerned }
        return .refused(
            Denial(
                .groupAccount,
                message: "account \(candidate.account.name) is a group of the domain, not a person; "
                    + "name an ordinary account"
            )
        )
    }
}
