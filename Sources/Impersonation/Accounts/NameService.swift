import SystemPackage

/// The blocking calls of the name service, as values.
///
/// ``SystemNameService`` is the real one; tests of ``NSSAccountDirectory`` put one in that lies or hangs, as real
/// directories do.
protocol NameService: Sendable {
    /// `getpwnam_r(3)`.
    func passwd(named name: String) -> NameServiceAnswer<PasswdEntry>

    /// `getpwuid_r(3)`.
    func passwd(withID userID: UserID) -> NameServiceAnswer<PasswdEntry>

    /// `getgrnam_r(3)`.
    func group(named name: String) -> NameServiceAnswer<GroupEntry>

    /// `getgrouplist(3)`: every group of the account, the primary one included.
    func groups(of name: String, primary: GroupID) -> NameServiceAnswer<[GroupID]>

    /// What the local files say by themselves, and which services are asked beside them.
    func localFiles() -> LocalFiles
}

/// What a call of the name service came to.
enum NameServiceAnswer<Value: Sendable>: Sendable {
    /// There is an entry.
    case found(Value)

    /// The name service says that there is none: the call returned 0 and no entry.
    case absent

    /// The call returned this error number. Modules of NSS return any number; none of them means "there is none".
    case failed(Errno)

    /// The answer is larger than any real one.
    case tooLarge

    /// The answer contains text that is not UTF-8, in this field.
    case undecodable(field: String)
}

/// What of `struct passwd` is used.
struct PasswdEntry: Sendable, Hashable {
    /// `pw_name`.
    var name: String

    /// `pw_uid`.
    var userID: UserID

    /// `pw_gid`.
    var groupID: GroupID

    /// `pw_dir`; names of files need not be UTF-8.
    var homeDirectory: FilePath

    /// `pw_shell`.
    var shell: FilePath
}

/// What of `struct group` is used.
struct GroupEntry: Sendable, Hashable {
    /// `gr_name`.
    var name: String

    /// `gr_gid`.
    var groupID: GroupID
}
