import SystemPackage

/// How a resolver learns which account the worker itself runs as, for desktop mode.
public struct CurrentAccount: Sendable {
    /// Asks for the worker's own account.
    let lookUp: @Sendable (any AccountDirectory) async throws(AccountDirectoryError) -> Account?

    /// Creates a way to learn the worker's own account.
    ///
    /// - Parameter lookUp: Answers with the account, asking the directory where needed, or with `nil` when the
    ///   directory knows none.
    public init(
        _ lookUp: @escaping @Sendable (any AccountDirectory) async throws(AccountDirectoryError) -> Account?
    ) {
        self.lookUp = lookUp
    }

    /// The account of this process.
    ///
    /// Name, home and shell are the directory's for the effective user id. The groups are those the process has, and
    /// not the directory's, because a job that keeps the account keeps exactly these. A process that can go back to
    /// the superuser, by its real or saved id (`getresuid(2)`, `getresgid(2)`), counts as the superuser.
    public static let ofThisProcess = CurrentAccount { directory throws(AccountDirectoryError) in
        let ids: ProcessIDs
        do throws(Errno) {
            ids = try ProcessIDs.current()
        } catch {
            throw AccountDirectoryError(
                .unavailable,
                subject: "the worker's own ids",
                errno: error,
                message: "/proc/self/status could not be read; mount /proc"
            )
        }
        return try await account(of: ids, in: directory)
    }

    /// The account of a process with these ids.
    static func account(
        of ids: ProcessIDs,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> Account? {
        guard let userID = ids.userID, let groupID = ids.groupID,
            let account = try await directory.account(withID: userID, freshness: .cached)
        else { return nil }
        guard account.userID == userID else {
            throw AccountDirectoryError(
                .inconsistentAnswer,
                subject: "uid \(userID.rawValue)",
                message: "the directory answered with account \(account.name), which has the user id "
                    + "\(account.userID.rawValue); make the directory agree with itself"
            )
        }
        return Account(
            name: account.name,
            userID: userID,
            groupID: groupID,
            groups: ids.primaryGroups + ids.supplementaryGroups,
            homeDirectory: account.homeDirectory,
            shell: account.shell
        )
    }
}
