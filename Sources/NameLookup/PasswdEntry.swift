package import SystemPackage

/// What of `struct passwd` is used.
package struct PasswdEntry: Sendable, Hashable {
    /// `pw_name`.
    package var name: String

    /// `pw_uid`.
    package var userID: UserID

    /// `pw_gid`.
    package var groupID: GroupID

    /// `pw_dir`; names of files need not be UTF-8.
    package var homeDirectory: FilePath

    /// `pw_shell`.
    package var shell: FilePath

    package init(name: String, userID: UserID, groupID: GroupID, homeDirectory: FilePath, shell: FilePath) {
        self.name = name
        self.userID = userID
        self.groupID = groupID
        self.homeDirectory = homeDirectory
        self.shell = shell
    }
}
