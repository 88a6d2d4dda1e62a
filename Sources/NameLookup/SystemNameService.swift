import Glibc
package import SystemPackage

/// The name service of this host through glibc: files, SSSD, winbind, LDAP, NIS, whatever `nsswitch.conf(5)` names.
///
/// Each call blocks for as long as the slowest service likes: five minutes with a hung winbind.
package struct SystemNameService: Sendable {
    package init() {}

    /// `getpwnam_r(3)`.
    package func passwd(named name: String) -> NameServiceAnswer<PasswdEntry> {
        var entry = unsafe Glibc.passwd()
        return unsafe NameServiceBuffer.lookUp { buffer, size in
            var found: UnsafeMutablePointer<Glibc.passwd>?
            let result = unsafe getpwnam_r(name, &entry, buffer, size, &found)
            return unsafe found == nil ? .nothing(result) : .answer(Self.read(entry))
        }
    }

    /// `getpwuid_r(3)`.
    package func passwd(withID userID: UserID) -> NameServiceAnswer<PasswdEntry> {
        var entry = unsafe Glibc.passwd()
        return unsafe NameServiceBuffer.lookUp { buffer, size in
            var found: UnsafeMutablePointer<Glibc.passwd>?
            let result = unsafe getpwuid_r(userID.rawValue, &entry, buffer, size, &found)
            return unsafe found == nil ? .nothing(result) : .answer(Self.read(entry))
        }
    }

    /// `getgrnam_r(3)`.
    package func group(named name: String) -> NameServiceAnswer<GroupEntry> {
        var entry = unsafe Glibc.group()
        return unsafe NameServiceBuffer.lookUp { buffer, size in
            var found: UnsafeMutablePointer<Glibc.group>?
            let result = unsafe getgrnam_r(name, &entry, buffer, size, &found)
            guard unsafe found != nil else { return .nothing(result) }
            guard let name = unsafe Self.text(entry.gr_name) else { return .answer(.undecodable(field: "gr_name")) }
            return unsafe .answer(.found(GroupEntry(name: name, groupID: GroupID(rawValue: entry.gr_gid))))
        }
    }

    /// `getgrouplist(3)`: every group of the account, the primary one included.
    package func groups(of name: String, primary: GroupID) -> NameServiceAnswer<[GroupID]> {
        unsafe NameServiceBuffer.list { buffer, count in
            unsafe getgrouplist(name, primary.rawValue, buffer, &count)
        }
    }

    private static func read(_ entry: Glibc.passwd) -> NameServiceAnswer<PasswdEntry> {
        guard let name = unsafe text(entry.pw_name) else { return .undecodable(field: "pw_name") }
        return unsafe .found(
            PasswdEntry(
                name: name,
                userID: UserID(rawValue: entry.pw_uid),
                groupID: GroupID(rawValue: entry.pw_gid),
                homeDirectory: path(entry.pw_dir),
                shell: path(entry.pw_shell)
            )
        )
    }

    private static func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String? {
        guard let pointer = unsafe pointer else { return nil }
        return unsafe String(validatingCString: pointer)
    }

    private static func path(_ pointer: UnsafeMutablePointer<CChar>?) -> FilePath {
        guard let pointer = unsafe pointer else { return FilePath() }
        return unsafe FilePath(platformString: pointer)
    }
}
