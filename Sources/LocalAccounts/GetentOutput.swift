package import LaunchProtocol
import NameLookup
import SystemPackage

/// What `getent(1)` has written, or a line of a local file, read strictly: one line, with all of its fields and no other.
package struct GetentOutput {
    private let line: [UInt8]?

    /// Takes what it has written.
    package init(_ bytes: [UInt8]) {
        let line = bytes.dropLast()
        let isOneLine = bytes.last == UInt8(ascii: "\n") && !line.contains(UInt8(ascii: "\n")) && !line.contains(0)
        self.line = isOneLine ? Array(line) : nil
    }

    /// Reads the answer to a question; `nil` when it is none.
    package func answer(to question: LookupQuestion) -> LookupAnswer? {
        switch question {
        case .passwdByName, .passwdByID: passwd
        case .groupByName: group
        case .groups(of: let name, let primary): groups(of: name, primary: primary)
        case .reach: nil
        }
    }

    private func fields(_ count: Int) -> [ArraySlice<UInt8>]? {
        guard let fields = line?.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false),
            fields.count == count
        else { return nil }
        return fields
    }

    private var passwd: LookupAnswer? {
        guard let fields = fields(7), let user = Self.number(fields[2]), let group = Self.number(fields[3]) else {
            return nil
        }
        guard let name = String(validating: fields[0], as: UTF8.self) else { return .undecodable(.accountName) }
        return .passwd(
            PasswdEntry(
                name: name,
                userID: UserID(rawValue: user),
                groupID: GroupID(rawValue: group),
                homeDirectory: Self.path(fields[5]),
                shell: Self.path(fields[6])
            )
        )
    }

    private var group: LookupAnswer? {
        guard let fields = fields(4), let id = Self.number(fields[2]) else { return nil }
        guard let name = String(validating: fields[0], as: UTF8.self) else { return .undecodable(.groupName) }
        return .group(GroupEntry(name: name, groupID: GroupID(rawValue: id)))
    }

    /// The name, which may have blanks in it, and the groups behind it; the primary one is not among them.
    private func groups(of name: String, primary: UInt32) -> LookupAnswer? {
        guard let line, line.starts(with: name.utf8) else { return nil }
        let rest = line.dropFirst(name.utf8.count)
        guard rest.isEmpty || rest.first == UInt8(ascii: " ") else { return nil }
        let numbers = rest.split(separator: UInt8(ascii: " ")).map(Self.number)
        guard !numbers.contains(nil) else { return nil }
        let groups = [primary] + numbers.compactMap { $0 }.filter { $0 != primary }
        guard groups.count <= NameServiceBuffer.maximumGroups else { return .tooLarge }
        return .groups(groups.map { GroupID(rawValue: $0) })
    }

    /// Digits and nothing else: what Swift reads has signs as well.
    static func number(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        guard !bytes.isEmpty, bytes.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return UInt32(String(decoding: bytes, as: UTF8.self))
    }

    private static func path(_ bytes: ArraySlice<UInt8>) -> FilePath {
        unsafe FilePath(platformString: bytes.map(CChar.init(bitPattern:)) + [0])
    }
}
