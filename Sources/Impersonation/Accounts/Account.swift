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
    public init(
        name: AccountName,
        userID: UserID,
        groupID: GroupID,
        groups: [GroupID],
        homeDirectory: FilePath,
        shell: FilePath,
        isGroup: Bool = false
    ) {
        self.name = name
        self.userID = userID
        self.groupID = groupID
        self.groups = Set(groups + [groupID]).sorted { $0.rawValue < $1.rawValue }
        self.homeDirectory = homeDirectory
        self.shell = shell
        self.isGroup = isGroup
    }
}
