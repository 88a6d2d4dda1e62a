/// Accounts of machines (`HOST$` in Active Directory) are nobody's to run jobs as.
struct MachineAccountRule: AccountRule {
    var name: String { "machineAccount" }
    var source: RuleSource { .builtIn }

    func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        guard candidate.account.name.user.hasSuffix("$") else { return .notConcerned }
        return .refused(
            Denial(
                .machineAccount,
                message: "account \(candidate.account.name) belongs to a machine, not to a person; "
                    + "name an ordinary account"
            )
        )
    }
}
