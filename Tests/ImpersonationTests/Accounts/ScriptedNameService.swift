import LocalAccounts
import NameLookup
import SystemPackage

@testable import Impersonation

/// A name service that answers as the real ones in the hazard tables do.
struct ScriptedNameService: NameService {
    var passwdByName: @Sendable (String) -> NameServiceAnswer<PasswdEntry> = { _ in .absent }
    var passwdByID: @Sendable (UserID) -> NameServiceAnswer<PasswdEntry> = { _ in .absent }
    var groupByName: @Sendable (String) -> NameServiceAnswer<GroupEntry> = { _ in .absent }
    var groupList: @Sendable (String, GroupID) -> NameServiceAnswer<[GroupID]> = { _, primary in .found([primary]) }

    var files = LocalFiles(nameServiceSwitch: "passwd: files\n")

    func passwd(named name: String) -> NameServiceAnswer<PasswdEntry> { passwdByName(name) }
    func passwd(withID userID: UserID) -> NameServiceAnswer<PasswdEntry> { passwdByID(userID) }
    func group(named name: String) -> NameServiceAnswer<GroupEntry> { groupByName(name) }
    func groups(of name: String, primary: GroupID) -> NameServiceAnswer<[GroupID]> { groupList(name, primary) }

    func localFiles() -> LocalFiles { files }

    /// A service that knows these entries, by exactly these questions.
    init(_ entries: [String: PasswdEntry] = [:]) {
        passwdByName = { name in entries[name].map { .found($0) } ?? .absent }
        passwdByID = { id in entries.values.first { $0.userID == id }.map { .found($0) } ?? .absent }
    }
}

extension LocalFiles {
    /// Files with these texts.
    init(nameServiceSwitch: String, passwd: String = "", group: String = "") {
        let texts: [FilePath: String] = [
            "/etc/nsswitch.conf": nameServiceSwitch, "/etc/passwd": passwd, "/etc/group": group,
        ]
        self.init { path in Array((texts[path] ?? "").utf8) }
    }
}

extension PasswdEntry {
    init(_ name: String, uid: UInt32, gid: UInt32 = 100, home: FilePath = "/home/x", shell: FilePath = "/bin/bash") {
        self.init(
            name: name,
            userID: UserID(rawValue: uid),
            groupID: GroupID(rawValue: gid),
            homeDirectory: home,
            shell: shell
        )
    }
}
