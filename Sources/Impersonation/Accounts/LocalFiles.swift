import SystemPackage

/// What the local files of the name service say by themselves, and which services `nsswitch.conf(5)` asks beside them.
///
/// The name service does not tell which of its services has answered. Where winbind is one of them, it matters.
struct LocalFiles: Sendable, Equatable {
    /// The service of Samba: `libnss_winbind.so.2`.
    static let winbind = "winbind"

    /// Far more than a local file of accounts ever has.
    private static let largest = 16 << 20

    /// The services that are asked for accounts, in their order.
    let accountServices: [String]

    /// The services that are asked for the groups of an account.
    let groupServices: [String]

    private let passwd: String
    private let group: String

    /// Reads the texts of the files.
    ///
    /// - Parameters:
    ///   - nameServiceSwitch: `nsswitch.conf(5)`.
    ///   - passwd: `passwd(5)`.
    ///   - group: `group(5)`.
    init(nameServiceSwitch: String, passwd: String, group: String) {
        accountServices = Self.services(of: "passwd", in: nameServiceSwitch) ?? []
        groupServices =
            Self.services(of: "initgroups", in: nameServiceSwitch) ?? Self.services(of: "group", in: nameServiceSwitch) ?? []
        self.passwd = passwd
        self.group = group
    }

    /// Reads the files of this host, where winbind is asked beside them.
    ///
    /// Everywhere else the one file is read that says so. A file that cannot be read has nothing in it.
    static func besideWinbind() -> LocalFiles? {
        let nameServiceSwitch = text(of: "/etc/nsswitch.conf")
        guard nameServiceSwitch.contains(winbind) else { return nil }
        return LocalFiles(
            nameServiceSwitch: nameServiceSwitch,
            passwd: text(of: "/etc/passwd"),
            group: text(of: "/etc/group")
        )
    }

    /// Whether only services that know no groups of others' accounts are asked for groups.
    ///
    /// LDAP and NIS may list a local account as the member of a group.
    var hasNoOtherGroups: Bool { Set(groupServices).isSubset(of: ["files", "systemd", Self.winbind]) }

    /// Whether the account is one of the local file, by its name and its number.
    func contains(_ entry: PasswdEntry) -> Bool {
        lines(of: passwd).contains { fields in
            fields.count > 2 && fields[0] == entry.name && fields[2] == "\(entry.userID.rawValue)"
        }
    }

    /// The groups that the local file lists an account for.
    func groups(of name: String) -> Set<GroupID> {
        Set(
            lines(of: group)
                .compactMap { fields in
                    guard fields.count > 3, fields[3].split(separator: ",").contains(Substring(name)) else { return nil }
                    return UInt32(fields[2]).map { GroupID(rawValue: $0) }
                }
        )
    }

    private func lines(of text: String) -> some Sequence<[Substring]> {
        text.split(separator: "\n").lazy.map { $0.split(separator: ":", omittingEmptySubsequences: false) }
    }

    /// The services of a database; what is done about their answers stands in brackets between them.
    private static func services(of database: String, in text: String) -> [String]? {
        for line in text.split(separator: "\n") {
            let statement = line.prefix { $0 != "#" }
            guard let colon = statement.firstIndex(of: ":") else { continue }
            guard statement[..<colon].filter({ !$0.isWhitespace }) == database else { continue }
            var isAction = false
            let names = statement[statement.index(after: colon)...]
                .map { character -> Character in
                    if character == "[" { isAction = true }
                    defer { if character == "]" { isAction = false } }
                    return isAction ? " " : character
                }
            return names.split(whereSeparator: \.isWhitespace).map { String($0) }
        }
        return nil
    }

    private static func text(of path: FilePath) -> String {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return "" }
        defer { try? file.close() }
        var bytes: [UInt8] = []
        let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 1)
        defer { unsafe part.deallocate() }
        while bytes.count < largest {
            guard let count = try? unsafe file.read(into: part) else { return "" }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            unsafe bytes.append(contentsOf: part.prefix(count))
        }
        return ""
    }
}
