/// Accounts of machines (`HOST$` in Active Directory) and of a domain's Kerberos service (`krbtgt`) are nobody's to run jobs as.
///
/// Names are all that a name service gives away of them. `krbtgt` cannot be renamed, nor can `krbtgt_NUMBER` of controllers that only
/// read. The account `Guest` can, and is called otherwise in other languages; whether it is disabled, as it is until somebody enables it, is
/// for a session of PAM to say, or for `denied_accounts`.
struct MachineAccountRule: AccountRule {
    var name: String { "machineAccount" }
    var source: RuleSource { .builtIn }

    func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        let account = candidate.account.name
        let owner: String
        if account.user.hasSuffix("$") {
            owner = "a machine"
        } else if Self.isKerberosService(account.user) {
            owner = "the Kerberos service of the domain"
        } else {
            return .notConcerned
        }
        return .refused(
            Denial(
                .machineAccount,
                message: "account \(account) belongs to \(owner), not to a person; name an ordinary account"
            )
        )
    }

    private static func isKerberosService(_ user: String) -> Bool {
        let user = user.lowercased()
        guard user.hasPrefix("krbtgt_") else { return user == "krbtgt" }
        return user.utf8.count > 7 && user.utf8.dropFirst(7).allSatisfy { (0x30...0x39).contains($0) }
    }
}
