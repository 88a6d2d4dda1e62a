import NameLookup
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

    /// The databases of `nsswitch.conf(5)` for which the local file is asked first, and what it answers is taken.
    private let localFirst: Set<String>

    private let isDistant: Bool

    private let read: @Sendable (FilePath) -> [UInt8]

    /// Reads which services are asked; the other files are read when something is asked of them.
    ///
    /// - Parameter read: How a file is read: `/etc/nsswitch.conf`, `/etc/passwd` or `/etc/group`.
    init(_ read: @escaping @Sendable (FilePath) -> [UInt8]) {
        let text = String(decoding: read("/etc/nsswitch.conf"), as: UTF8.self)
        accountServices = Self.services(of: "passwd", in: text) ?? []
        groupServices = Self.services(of: "initgroups", in: text) ?? Self.services(of: "group", in: text) ?? []
        let all = ["passwd", "group", "initgroups"].map { ($0, Self.words(of: $0, in: text) ?? []) }
        isDistant = all.contains { !$0.1.filter { !$0.hasPrefix("[") }.allSatisfy(Self.local.contains) }
        localFirst = Set(
            all.filter { $0.1.first == "files" && $0.1.dropFirst().first?.hasPrefix("[") != true }.map(\.0)
        )
        self.read = read
    }

    /// The services that ask nobody outside of this machine.
    private static let local: Set<String> = ["files", "compat", "systemd", "db", "altfiles", "extrausers"]

    /// Whether services are asked that may leave this machine, and hang.
    var asksOthers: Bool { isDistant }

    /// What is asked for.
    enum Subject: Sendable {
        case accountName(String)
        case accountID(UserID)
        case groupName(String)
    }

    /// Whether the local files have an answer that no other service is asked for.
    func answerFirst(_ subject: Subject) -> Bool {
        let (file, database, field, text): (FilePath, String, Int, String) =
            switch subject {
            case .accountName(let name): ("/etc/passwd", "passwd", 0, name)
            case .accountID(let id): ("/etc/passwd", "passwd", 2, "\(id.rawValue)")
            case .groupName(let name): ("/etc/group", "group", 0, name)
            }
        guard localFirst.contains(database), !text.isEmpty else { return false }
        return lines(of: file).contains { fields in fields.count > 2 && fields[field].elementsEqual(text.utf8) }
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
        words(of: database, in: text)?.filter { !$0.hasPrefix("[") }
    }

    /// The words of a database; what stands in brackets is one word, with the first of its brackets.
    private static func words(of database: String, in text: String) -> [String]? {
        for line in text.split(separator: "\n") {
            let statement = line.prefix { $0 != "#" }
            guard let colon = statement.firstIndex(of: ":") else { continue }
            guard statement[..<colon].filter({ !$0.isWhitespace }) == database else { continue }
            var words: [String] = []
            var word = ""
            var isAction = false
            func end() {
                if !word.isEmpty { words.append(word) }
                word = ""
            }
            for character in statement[statement.index(after: colon)...] {
                switch character {
                case "[":
                    end()
                    isAction = true
                    word = "["
                case "]":
                    end()
                    isAction = false
                case _ where isAction: break
                case _ where character.isWhitespace: end()
                default: word.append(character)
                }
            }
            end()
            return words
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
