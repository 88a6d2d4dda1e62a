public import SystemPackage

/// What the name service answers about one account, complete with every group.
///
/// The corresponding C functions are `getpwnam_r(3)` and `getgrouplist(3)`.
public struct Account: Sendable, Hashable {
    /// The canonical name, as the directory returned it (`pw_name`).
    public let name: AccountName

    /// The user id (`pw_uid`).
    public let userID: UserID

    /// The primary group (`pw_gid`).
    public let groupID: GroupID

    /// Every group of the account, the primary one included: sorted, each once.
    public let groups: [GroupID]

    /// The home directory (`pw_dir`); it need not exist.
    public let homeDirectory: FilePath

    /// The login shell (`pw_shell`); `/bin/sh` where the directory leaves it empty, as `passwd(5)` defines.
    public let shell: FilePath

    /// Whether the directory has given a group for an account.
    ///
    /// winbind answers with an entry of `passwd(5)` for the groups of a domain as well: `MYCORP\engineers` has a user id, a
    /// home directory and a shell.
    public let isGroup: Bool

    /// Whether ``groups`` are all that the account has.
    ///
    /// They may not be while a directory hangs that may list groups of a local account: then they are those of the local files. What is
    /// not among them decides nothing.
    public let groupsAreComplete: Bool

    /// Creates the answer of a directory.
    ///
    /// - Parameters:
    ///   - name: The canonical name.
    ///   - userID: The user id.
    ///   - groupID: The primary group.
    ///   - groups: Every group, in any order; the primary group is added, duplicates are dropped.
    ///   - homeDirectory: The home directory.
    ///   - shell: The login shell.
    ///   - isGroup: Whether it is a group that the directory gives for an account.
    ///   - groupsAreComplete: Whether there are no other groups.
    public init(
        name: AccountName,
        userID: UserID,
        groupID: GroupID,
        groups: [GroupID],
        homeDirectory: FilePath,
        shell: FilePath,
        isGroup: Bool = false,
        groupsAreComplete: Bool = true
    ) {
        self.name = name
        self.userID = userID
        self.groupID = groupID
        self.groups = Set(groups + [groupID]).sorted { $0.rawValue < $1.rawValue }
        self.homeDirectory = homeDirectory
        self.shell = shell
        self.isGroup = isGroup
        self.groupsAreComplete = groupsAreComplete
    }

    /// Demands every group of the account, before one that is not among them decides something.
    ///
    /// - Parameter purpose: What it would decide; a clause that follows "nobody can tell whether".
    /// - Throws: ``AccountDirectoryError`` where there may be others.
    package func checkThatGroupsAreComplete(_ purpose: String) throws(AccountDirectoryError) {
        guard !groupsAreComplete else { return }
        throw AccountDirectoryError(
            .unavailable,
            subject: "account \(name)",
            message:
                "a service of /etc/nsswitch.conf that may know more groups of it does not answer, so nobody can tell whether "
                + "\(purpose); see which one hangs, then try again"
        )
    }
}
