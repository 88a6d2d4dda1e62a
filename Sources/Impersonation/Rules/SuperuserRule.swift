import SystemPackage

/// No job ever runs as the superuser, whatever name the account has.
///
/// The user id is what counts: an account with id 0 under another name is the superuser too, and on a domain
/// controller `MYCORP\administrator` has id 0.
struct SuperuserRule: AccountRule {
    var name: String { "superuser" }
    var source: RuleSource { .builtIn }

    func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        guard candidate.account.userID.rawValue == 0 else { return .notConcerned }
        return .refused(
            Denial(
                .superuser,
                message: "account \(candidate.account.name) has user id 0: no job runs as the superuser; "
                    + "name an ordinary account"
            )
        )
    }
}
