import LocalAccounts
import NameLookup
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

    /// The same of an account that is in the local files: where nobody else answers in time, what these say.
    func groups(ofLocal name: String, primary: GroupID) -> NameServiceAnswer<GroupList>

    /// What the local files say by themselves, and which services are asked beside them.
    func localFiles() -> LocalFiles

    /// The name service for one lookup.
    ///
    /// - Parameters:
    ///   - time: When the lookup has to be over.
    ///   - files: What ``localFiles()`` has said at its beginning.
    ///   - isLocal: Whether the local files answer what is asked for, before anybody else.
    /// - Returns: Whom to ask.
    func forLookup(until time: MonotonicTime, with files: LocalFiles, isLocal: Bool) -> any NameService
}

extension NameService {
    func groups(ofLocal name: String, primary: GroupID) -> NameServiceAnswer<GroupList> {
        groups(of: name, primary: primary).map { GroupList(groups: $0) }
    }

    func forLookup(until time: MonotonicTime, with files: LocalFiles, isLocal: Bool) -> any NameService { self }
}

extension SystemNameService: NameService {
    func localFiles() -> LocalFiles { LocalFiles.ofThisHost() }
}
