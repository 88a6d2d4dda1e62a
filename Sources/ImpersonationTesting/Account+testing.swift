public import Impersonation
public import SystemPackage

extension Account {
    /// An account for a test, from plain numbers.
    ///
    /// - Parameters:
    ///   - name: The name, as it would be written.
    ///   - uid: The user id.
    ///   - gid: The primary group; the number of the user id unless given.
    ///   - groups: The supplementary groups.
    ///   - home: The home directory; `/home/` and the name unless given.
    ///   - shell: The login shell.
    ///   - isGroup: Whether it is a group that the directory gives for an account.
    ///   - groupsAreComplete: Whether there are no other groups.
    /// - Returns: The account.
    /// - Throws: `AccountNameError` when the text cannot be the name of an account.
    public static func forTesting(
        _ name: String,
        uid: UInt32,
        gid: UInt32? = nil,
        groups: [UInt32] = [],
        home: FilePath? = nil,
        shell: FilePath = "/bin/sh",
        isGroup: Bool = false,
        groupsAreComplete: Bool = true
    ) throws(AccountNameError) -> Account {
        Account(
            name: try AccountName(name),
            userID: UserID(rawValue: uid),
            groupID: GroupID(rawValue: gid ?? uid),
            groups: groups.map { GroupID(rawValue: $0) },
            homeDirectory: home ?? FilePath("/home").appending(name),
            shell: shell,
            isGroup: isGroup,
            groupsAreComplete: groupsAreComplete
        )
    }
}
