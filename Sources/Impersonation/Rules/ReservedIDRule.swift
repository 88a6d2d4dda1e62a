import SystemPackage

/// Ids that mean "leave unchanged" to `setresuid(2)` and `setresgid(2)` are never switched to.
///
/// `(uid_t)-1` is 4294967295; 65535 is the same number in the 16-bit calls. CVE-2019-14287 is what a launcher that
/// takes them runs into: the job keeps the id of the daemon.
struct ReservedIDRule: AccountRule {
    static let reserved: Set<UInt32> = [.max, UInt32(UInt16.max)]

    var name: String { "reservedID" }
    var source: RuleSource { .builtIn }

    func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        let account = candidate.account
        let ids = [account.userID.rawValue, account.groupID.rawValue] + account.groups.map(\.rawValue)
        guard let reserved = ids.first(where: Self.reserved.contains) else { return .notConcerned }
        return .refused(
            Denial(
                .reservedID,
                message: "account \(account.name) has the id \(reserved), which the kernel reads as "
                    + "\"leave unchanged\"; give the account and its groups ordinary ids"
            )
        )
    }
}
