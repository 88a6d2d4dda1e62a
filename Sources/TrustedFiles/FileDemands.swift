/// What is demanded of a file and of everything on the way to it.
package struct FileDemands: Sendable {
    /// The user ids that may own the file and what is on the way, where nobody else may be able to write.
    ///
    /// `nil` believes anybody: for looking at a draft, never for acting on one.
    package var owners: Set<UInt32>?

    /// Whether symbolic links are followed; each is held to the same demands as what it leads to.
    package var followsLinks: Bool

    /// Whether a directory that others can write passes when it is sticky, like `/tmp`.
    ///
    /// Nobody can replace there what belongs to somebody else, but anybody can put something there first.
    package var acceptsStickyDirectories: Bool

    /// Whether the file may have other names.
    ///
    /// Where the kernel lets everybody link to files of others (`fs.protected_hardlinks` of `proc_sys_fs(5)` is 0), a
    /// second name keeps a file that its owner removed.
    package var acceptsHardLinks: Bool

    /// The directories below which others need not be able to search; `nil` does not ask for that anywhere.
    ///
    /// Root sees what is in a directory that its client cannot search. What it says of that tells the client whether
    /// something exists, unless the way ends in front of the directory.
    package var privateBelow: [FileFacts.Identity]?

    package init(
        owners: Set<UInt32>?,
        followsLinks: Bool,
        acceptsStickyDirectories: Bool,
        acceptsHardLinks: Bool,
        privateBelow: [FileFacts.Identity]? = nil
    ) {
        self.owners = owners
        self.followsLinks = followsLinks
        self.acceptsStickyDirectories = acceptsStickyDirectories
        self.acceptsHardLinks = acceptsHardLinks
        self.privateBelow = privateBelow
    }

    /// The strictest: root alone, the file itself and not a link to it, and no other name of it.
    package static let rootAlone = FileDemands(
        owners: [0],
        followsLinks: false,
        acceptsStickyDirectories: false,
        acceptsHardLinks: false
    )
}
