import SystemPackage

/// What the local files of the name service say by themselves, and which services `nsswitch.conf(5)` asks beside them.
///
/// The name service does not tell which of its services has answered. Where winbind is one of them, it matters.
struct LocalFiles: Sendable {
    /// The service of Samba: `libnss_winbind.so.2`.
    static let winbind = "winbind"

    /// Far more than a local file of accounts ever has.
    private static let largest = 16 << 20

    /// The services that are asked for accounts, in their order.
    let accountServices: [String]

    /// The services that are asked for the groups of an account.
    let groupServices: [String]

    private let read: @Sendable (FilePath) -> [UInt8]

    /// Reads which services are asked; the other files are read when something is asked of them.
    ///
    /// - Parameter read: How a file is read: `/etc/nsswitch.conf`, `/etc/passwd` or `/etc/group`.
    init(_ read: @escaping @Sendable (FilePath) -> [UInt8]) {
        let text = String(decoding: read("/etc/nsswitch.conf"), as: UTF8.self)
        accountServices = Self.services(of: "passwd", in: text) ?? []
        groupServices = Self.services(of: "initgroups", in: text) ?? Self.services(of: "group", in: text) ?? []
        self.read = read
    }

    /// The files of this host; one that cannot be read has nothing in it.
    static func ofThisHost() -> LocalFiles { LocalFiles(bytes(of:)) }

    /// Whether only services that know no groups of others' accounts are asked for groups.
    ///
    /// LDAP and NIS may list a local account as the member of a group.
    var hasNoOtherGroups: Bool { Set(groupServices).isSubset(of: ["files", "systemd", Self.winbind]) }

    /// Whether the account is one of the local file, by its name and its number.
    func contains(_ entry: PasswdEntry) -> Bool {
        lines(of: "/etc/passwd")
            .contains { fields in
                fields.count > 2 && fields[0].elementsEqual(entry.name.utf8)
                    && fields[2].elementsEqual("\(entry.userID.rawValue)".utf8)
            }
    }

    /// The groups that the local file lists an account for.
    func groups(of name: String) -> Set<GroupID> {
        let numbers = lines(of: "/etc/group")
            .compactMap { fields -> UInt32? in
                guard fields.count > 3 else { return nil }
                let isMember = fields[3].split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual(name.utf8) }
                return isMember ? UInt32(String(decoding: fields[2], as: UTF8.self)) : nil
            }
        return Set(numbers.map { GroupID(rawValue: $0) })
    }

    /// The lines of a file as fields, byte by byte: there are letters that join a colon to themselves.
    private func lines(of path: FilePath) -> some Sequence<[ArraySlice<UInt8>]> {
        read(path).split(separator: UInt8(ascii: "\n")).lazy
            .map { $0.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) }
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

    private static func bytes(of path: FilePath) -> [UInt8] {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return [] }
        defer { try? file.close() }
        var bytes: [UInt8] = []
        let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 1)
        defer { unsafe part.deallocate() }
        while bytes.count < largest {
            guard let count = try? unsafe file.read(into: part) else { return [] }
            guard count > 0 else { return bytes }
            unsafe bytes.append(contentsOf: part.prefix(count))
        }
        return []
    }
}
