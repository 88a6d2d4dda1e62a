import SystemPackage

/// No job runs under a number that processes ask the name service with.
///
/// Whoever runs as one of them may signal and trace those of every daemon on this machine, and say who everybody is. No account has
/// such a number, unless a directory that others may write to says so; in a user namespace without them it is that of `nobody`.
struct LookupAccountRule: AccountRule {
    var name: String { "lookupAccount" }
    var source: RuleSource { .builtIn }

    func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        let number = candidate.account.userID.rawValue
        guard LookupAccount.reserved.contains(number) || LookupAccount.number == number else { return .notConcerned }
        return .refused(
            Denial(
                .reservedID,
                message:
                    "account \(candidate.account.name) has user id \(number), under which processes ask the name service: "
                    + "no job runs beside them; give the account another user id"
            )
        )
    }
}
