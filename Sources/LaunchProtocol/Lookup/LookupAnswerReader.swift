import NameLookup
import SystemPackage

/// Puts the messages of one answer together, of a lookup process that may have been taken over by what it has asked.
package struct LookupAnswerReader: Sendable {
    private let number: UInt64
    private var groups: [GroupID] = []
    private var total: Int?

    /// Begins.
    ///
    /// - Parameter number: The number of the question.
    package init(number: UInt64) {
        self.number = number
    }

    /// Takes a message.
    ///
    /// - Parameter bytes: One message.
    /// - Returns: The answer, once all of it is there.
    /// - Throws: When it is no message of this answer.
    package mutating func take(_ bytes: [UInt8]) throws(FrameError) -> LookupAnswer? {
        var reader = ByteReader(bytes)
        let header = try LookupHeader(from: &reader)
        guard header.number == number else { throw FrameError(.contradiction, at: 8, in: "number") }
        guard groups.isEmpty || header.kind == .groupList else { throw FrameError(.contradiction, at: 6, in: "kind") }
        let answer: LookupAnswer?
        switch header.kind {
        case .passwdEntry:
            let name = try Self.text(&reader)
            let userID = UserID(rawValue: try reader.number(UInt32.self, "user id"))
            let groupID = GroupID(rawValue: try reader.number(UInt32.self, "group id"))
            let home = try Self.path("home directory", &reader)
            let shell = try Self.path("shell", &reader)
            answer = .passwd(
                PasswdEntry(name: name, userID: userID, groupID: groupID, homeDirectory: home, shell: shell)
            )
        case .groupEntry:
            let name = try Self.text(&reader)
            let id = GroupID(rawValue: try reader.number(UInt32.self, "group id"))
            answer = .group(GroupEntry(name: name, groupID: id))
        case .groupList:
            answer = try takeGroups(&reader)
        case .absent: answer = .absent
        case .failed: answer = .failed(try reader.number(Int32.self, "error"))
        case .tooLarge: answer = .tooLarge
        case .undecodable:
            guard let field = LookupAnswer.Field(rawValue: try reader.number(UInt8.self, "field")) else {
                throw FrameError(.unknownValue, at: 16, in: "field")
            }
            answer = .undecodable(field)
        case .ready, .passwdByName, .passwdByID, .groupByName, .groups, .reach:
            throw FrameError(.unknownType, at: 6, in: "kind")
        }
        try reader.finish()
        return answer
    }

    /// Each message says how many groups there are in all; that, and the order of them, has to stay the same.
    private mutating func takeGroups(_ reader: inout ByteReader) throws(FrameError) -> LookupAnswer? {
        let limit = UInt32(ProtocolLimits.groups)
        let total = Int(try reader.number(UInt32.self, "count of groups", in: 0...limit))
        let start = reader.offset
        guard self.total == nil || self.total == total else {
            throw FrameError(.contradiction, at: start - 4, in: "count of groups")
        }
        self.total = total
        let first = Int(try reader.number(UInt32.self, "first group", in: 0...limit))
        guard first == groups.count else { throw FrameError(.contradiction, at: start, in: "first group") }
        let part = try reader.list("groups", counts: 0...LookupAnswer.groupsAtOnce, smallest: 4) {
            (reader) throws(FrameError) in GroupID(rawValue: try reader.number(UInt32.self, "group"))
        }
        // Without this, one that never says its last group would keep whoever reads.
        guard !part.isEmpty || total == 0 else { throw FrameError(.tooSmall, at: start, in: "groups") }
        guard first + part.count <= total else { throw FrameError(.contradiction, at: start, in: "groups") }
        groups += part
        return groups.count == total ? .groups(groups) : nil
    }

    private static func text(_ reader: inout ByteReader) throws(FrameError) -> String {
        String(decoding: try reader.string("name", .answeredName), as: UTF8.self)
    }

    private static func path(_ field: String, _ reader: inout ByteReader) throws(FrameError) -> FilePath {
        let bytes = try reader.string(field, .answeredPath)
        return unsafe FilePath(platformString: bytes.map(CChar.init(bitPattern:)) + [0])
    }
}

extension StringRule {
    /// The name in an answer: whether it is one that may be used is for the library to say.
    static let answeredName = StringRule(sizes: 0...LookupAnswer.largestText, content: .text)

    /// A directory or a shell in an answer, which may be empty and need not be text.
    static let answeredPath = StringRule(sizes: 0...LookupAnswer.largestText, content: .bytes)
}
