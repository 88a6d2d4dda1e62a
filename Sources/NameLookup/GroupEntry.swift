package import SystemPackage

/// What of `struct group` is used.
package struct GroupEntry: Sendable, Hashable {
    /// `gr_name`.
    package var name: String

    /// `gr_gid`.
    package var groupID: GroupID

    package init(name: String, groupID: GroupID) {
        self.name = name
        self.groupID = groupID
    }
}
