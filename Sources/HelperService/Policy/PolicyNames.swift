package import SystemPackage

/// What the name service says of one name.
package enum PolicyNameAnswer: Hashable, Sendable {
    /// The id of the user or the group.
    case number(UInt32)

    /// There is none of that name, as far as anybody can tell.
    case absent

    /// There is one, but its name is spelt like this: another case, or with its domain.
    case spelledOtherwise(String)

    /// The question could not be answered, which says nothing about the name.
    case unavailable(Errno)
}

/// The names of users and groups, asked once while a policy is loaded.
///
/// Who is a member of a group is not asked: that is decided at each launch by the groups of the account.
package protocol PolicyNames {
    /// The user id of a name.
    func userID(of name: String) -> PolicyNameAnswer

    /// The group id of a name.
    func groupID(of name: String) -> PolicyNameAnswer
}
