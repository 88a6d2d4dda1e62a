package import LaunchProtocol
package import NameLookup
package import SystemPackage

/// What the local files of the name service say by themselves, and which services `nsswitch.conf(5)` asks beside them.
///
/// The name service does not tell which of its services has answered. Where winbind is one of them, it matters.
package struct LocalFiles: Sendable {
    /// The service of Samba: `libnss_winbind.so.2`.
    package static let winbind = "winbind"

    /// The service of SSSD: `libnss_sss.so.2`.
    package static let sssd = "sss"

    /// Far more than a local file of accounts ever has.
    private static let largest = 16 << 20

    /// The services that are asked for accounts, in their order.
    package let accountServices: [String]

    /// The services that are asked for the groups of an account.
    package let groupServices: [String]

    /// Why `nsswitch.conf(5)` could not be read; nothing else here means anything then.
    package let problem: LocalFilesProblem?

    /// The databases of `nsswitch.conf(5)` for which the local file is asked first, and what it answers is taken.
    private let localFirst: Set<String>

    private let isDistant: Bool

    private let isDistantForGroups: Bool

    /// Whether the local file is the first that is asked for the groups of an account: it has all that it lists then.
    private let listsGroupsFirst: Bool

    private let read: @Sendable (FilePath) throws(LocalFilesProblem) -> [UInt8]

    /// Reads which services are asked; the other files are read when something is asked of them.
    ///
    /// - Parameter read: How a file is read: `/etc/nsswitch.conf`, `/etc/passwd` or `/etc/group`; one that does not exist is empty.
    package init(_ read: @escaping @Sendable (FilePath) throws(LocalFilesProblem) -> [UInt8]) {
        var text: [UInt8] = []
        var problem: LocalFilesProblem?
        do throws(LocalFilesProblem) {
            text = try read("/etc/nsswitch.conf")
        } catch {
            problem = error
        }
        let all = ["passwd", "group", "initgroups"].map { ($0, Self.statements(of: $0, in: text)) }
        // The last line of a database is the one that glibc takes, the first in older versions: whatever one of them names may hang.
        isDistant =
            problem != nil || all.contains { !$0.1.joined().filter(Self.isService).allSatisfy(Self.local.contains) }
        let groups = all[1].1 + all[2].1
        isDistantForGroups = problem != nil || !groups.joined().filter(Self.isService).allSatisfy(Self.local.contains)
        listsGroupsFirst = !groups.isEmpty && groups.allSatisfy { $0.first == "files" }
        localFirst = Set(
            all.filter { _, statements in
                !statements.isEmpty
                    && statements.allSatisfy { $0.first == "files" && $0.dropFirst().first?.hasPrefix("[") != true }
            }
            .map(\.0)
        )
        let services = all.map { $0.1.last?.filter(Self.isService) }
        accountServices = services[0] ?? []
        groupServices = services[2] ?? services[1] ?? []
        self.problem = problem
        self.read = read
    }

    /// The services that ask nobody outside of this machine.
    ///
    /// `compat` is none of them: its lines with `+` are those of NIS, or of whom `passwd_compat` names.
    private static let local: Set<String> = ["files", "systemd", "db", "altfiles", "extrausers"]

    /// Whether services are asked that may leave this machine, and hang.
    package var asksOthers: Bool { isDistant }

    /// Whether such services are asked for the groups of an account.
    package var asksOthersForGroups: Bool { isDistantForGroups }

    /// How long a directory may take over the groups of a local account.
    ///
    /// What the files do not say of it, a directory may: where there is one that may, it gets more time.
    ///
    /// - Parameter remaining: How much time there is for everything.
    /// - Returns: The time for that.
    package func patience(of remaining: Duration) -> Duration {
        hasNoOtherGroups ? min(remaining / 8, .milliseconds(250)) : min(remaining / 4, .seconds(1))
    }

    /// What is asked for.
    package enum Subject: Sendable {
        case accountName(String)
        case accountID(UserID)
        case groupName(String)
    }

    /// What the local files answer before any other service is asked.
    ///
    /// Read as strictly as `getent(1)` writes it. A line that glibc may take for something else is none: who asks glibc is told then.
    ///
    /// - Parameter subject: What is asked for.
    /// - Returns: The entry; `nil` where another service may be asked.
    /// - Throws: ``LocalFilesProblem`` when nobody can tell.
    package func entry(_ subject: Subject) throws(LocalFilesProblem) -> LookupAnswer? {
        let (file, database, field, text): (FilePath, String, Int, String) =
            switch subject {
            case .accountName(let name): ("/etc/passwd", "passwd", 0, name)
            case .accountID(let id): ("/etc/passwd", "passwd", 2, "\(id.rawValue)")
            case .groupName(let name): ("/etc/group", "group", 0, name)
            }
        guard localFirst.contains(database), !text.isEmpty else { return nil }
        for line in try read(file).split(separator: UInt8(ascii: "\n")) {
            let content = line.drop(while: Self.isBlank)
            guard content.first != UInt8(ascii: "#") else { continue }
            let fields = content.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count > field else { continue }
            let value = field == 0 ? fields[0] : Self.digits(of: fields[field])
            guard value.elementsEqual(text.utf8) else { continue }
            // The first that may be it is it, or the files are no matter of course.
            guard content.count == line.count, let first = line.first, !Self.signs.contains(first) else { return nil }
            return Self.entry(Array(line), subject)
        }
        return nil
    }

    private static func entry(_ line: [UInt8], _ subject: Subject) -> LookupAnswer? {
        let question: LookupQuestion =
            switch subject {
            case .accountName(let name): .passwdByName(name)
            case .accountID(let id): .passwdByID(id.rawValue)
            case .groupName(let name): .groupByName(name)
            }
        let answer = GetentOutput(line + [UInt8(ascii: "\n")]).answer(to: question)
        switch (answer, subject) {
        case (.passwd(let entry), .accountName(let name)):
            return entry.name.utf8.elementsEqual(name.utf8) ? answer : nil
        case (.passwd(let entry), .accountID(let id)): return entry.userID == id ? answer : nil
        case (.group(let entry), .groupName(let name)): return entry.name.utf8.elementsEqual(name.utf8) ? answer : nil
        default: return nil
        }
    }

    private static let signs: Set<UInt8> = [UInt8(ascii: "+"), UInt8(ascii: "-")]

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func isService(_ word: String) -> Bool { !word.hasPrefix("[") }

    /// A number as `strtoul(3)` may take it, without what it leaves out.
    private static func digits(of field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let number = field.drop(while: isBlank)
        let digits = (number.first == UInt8(ascii: "+") ? number.dropFirst() : number).drop { $0 == UInt8(ascii: "0") }
        return digits.isEmpty ? field : digits
    }

    /// The files of this host.
    package static func ofThisHost() -> LocalFiles {
        LocalFiles { path throws(LocalFilesProblem) in try bytes(of: path) }
    }

    /// Whether only services that know no groups of others' accounts are asked for groups.
    ///
    /// LDAP and NIS may list a local account as the member of a group.
    package var hasNoOtherGroups: Bool { Set(groupServices).isSubset(of: ["files", "systemd", Self.winbind]) }

    /// Whether the local file lists every group that a local account may have.
    ///
    /// `systemd`, `db`, `altfiles` and `extrausers` may know more, in files of their own.
    package var listsEveryGroup: Bool { Set(groupServices).isSubset(of: ["files", Self.winbind]) }

    /// Whether the account is one of the local file, by its name and its number.
    package func contains(_ entry: PasswdEntry) throws(LocalFilesProblem) -> Bool {
        try lines(of: "/etc/passwd")
            .contains { fields in
                fields.count > 2 && fields[0].elementsEqual(entry.name.utf8)
                    && fields[2].elementsEqual("\(entry.userID.rawValue)".utf8)
            }
    }

    /// The groups that the local file lists an account for.
    package func groups(of name: String) throws(LocalFilesProblem) -> Set<GroupID> {
        let numbers = try lines(of: "/etc/group")
            .compactMap { fields -> UInt32? in
                // With a colon too many, the members are others.
                guard fields.count == 4 else { return nil }
                let isMember = fields[3].split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual(name.utf8) }
                return isMember ? GetentOutput.number(fields[2]) : nil
            }
        return Set(numbers.map { GroupID(rawValue: $0) })
    }

    /// A group of a local account that can only be one of the account of a domain with the same short name.
    ///
    /// `getgrouplist(3)` adds up what all services say of a name. winbind knows groups of its own accounts alone, so a group
    /// that `group(5)` does not explain belongs to a namesake; other services may know groups of local accounts.
    ///
    /// - Parameters:
    ///   - entry: The account, which is in the local file.
    ///   - groups: The groups that all services together have given it.
    /// - Returns: The first; `nil` when there is none, or where other services may have groups of local accounts.
    /// - Throws: ``LocalFilesProblem`` when nobody can tell.
    package func groupOfNamesake(of entry: PasswdEntry, among groups: [GroupID]) throws(LocalFilesProblem) -> GroupID? {
        guard groupServices.contains(Self.winbind), hasNoOtherGroups else { return nil }
        let own = try self.groups(of: entry.name).union([entry.groupID])
        return groups.first { !own.contains($0) }
    }

    /// Groups that an account has for certain, whatever other services say.
    package func certainGroups(of name: String) throws(LocalFilesProblem) -> Set<GroupID> {
        listsGroupsFirst ? try groups(of: name) : []
    }

    /// The lines of a file as fields, byte by byte: there are letters that join a colon to themselves.
    private func lines(of path: FilePath) throws(LocalFilesProblem) -> some Sequence<[ArraySlice<UInt8>]> {
        try read(path).split(separator: UInt8(ascii: "\n")).lazy
            .filter { $0.drop(while: Self.isBlank).first != UInt8(ascii: "#") }
            .map { $0.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) }
    }

    /// The lines of a database, each as words; what stands in brackets is one word, with the first of its brackets.
    ///
    /// A name ends at a colon or a blank, whichever comes first, and any number of both may follow it: for glibc, a line without a
    /// colon names services all the same (`nss_database.c`). What stands behind `#` are names of services as well; only a line that begins
    /// with it names no database. Older versions leave it out, so that there may be fewer than are named here.
    private static func statements(of database: String, in text: [UInt8]) -> [[String]] {
        text.split(separator: UInt8(ascii: "\n"))
            .compactMap { line in
                let statement = line.drop(while: isBlank)
                let name = statement.prefix { $0 != UInt8(ascii: ":") && !isBlank($0) }
                guard name.elementsEqual(database.utf8), name.endIndex < statement.endIndex else { return nil }
                return words(in: statement[name.endIndex...].drop { $0 == UInt8(ascii: ":") || isBlank($0) })
            }
    }

    private static func words(in statement: ArraySlice<UInt8>) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        var isAction = false
        func end() {
            if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
            word = []
        }
        for byte in statement {
            switch byte {
            case UInt8(ascii: "["):
                end()
                isAction = true
                word = [byte]
            case UInt8(ascii: "]"):
                end()
                isAction = false
            case _ where isAction: break
            case _ where isBlank(byte): end()
            default: word.append(byte)
            }
        }
        end()
        return words
    }

    private static func bytes(of path: FilePath) throws(LocalFilesProblem) -> [UInt8] {
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            defer { try? file.close() }
            var bytes: [UInt8] = []
            let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 1)
            defer { unsafe part.deallocate() }
            while bytes.count < largest {
                let count = try unsafe file.read(into: part)
                guard count > 0 else { return bytes }
                unsafe bytes.append(contentsOf: part.prefix(count))
            }
            throw Errno.fileTooLarge
        } catch let error as Errno where error == .noSuchFileOrDirectory {
            return []
        } catch {
            throw LocalFilesProblem(path: path, errno: error as? Errno ?? .ioError)
        }
    }
}
