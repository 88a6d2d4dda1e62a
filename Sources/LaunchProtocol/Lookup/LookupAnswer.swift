package import NameLookup
package import SystemPackage

/// What the lookup process answers.
package enum LookupAnswer: Hashable, Sendable {
    case passwd(PasswdEntry)
    case group(GroupEntry)
    case groups([GroupID])
    case absent

    /// The call returned this error number.
    case failed(Int32)

    case tooLarge

    /// This field is not UTF-8.
    case undecodable(Field)

    /// A field of an answer that is read as text.
    package enum Field: UInt8, CaseIterable, Sendable {
        case accountName = 0
        case groupName = 1

        /// The field as C spells it.
        package var name: String {
            switch self {
            case .accountName: "pw_name"
            case .groupName: "gr_name"
            }
        }
    }

    /// A name or a path in an answer: what is longer is no name and no path.
    package static let largestText = ProtocolLimits.pathLength

    /// The groups of one message, far below what a message may have.
    static let groupsAtOnce = 8_192

    /// Writes the first message, by which the lookup process says that it takes questions.
    package static func ready() throws(FrameError) -> [UInt8] {
        var writer = ByteWriter()
        try LookupHeader(.ready, number: 0).encode(to: &writer)
        return writer.bytes
    }

    /// Reads the first message.
    ///
    /// - Parameter bytes: One message.
    /// - Throws: When it is another one, or of another version.
    package static func checkReady(_ bytes: [UInt8]) throws(FrameError) {
        var reader = ByteReader(bytes)
        let header = try LookupHeader(from: &reader)
        guard header.kind == .ready else { throw FrameError(.unknownType, at: 6, in: "kind") }
        guard header.number == 0 else { throw FrameError(.contradiction, at: 8, in: "number") }
        try reader.finish()
    }

    /// Writes the answer.
    ///
    /// - Parameter number: The number of the question.
    /// - Returns: The bytes of each message, in their order.
    /// - Throws: When a text in it is none that there could be.
    package func encoded(number: UInt64) throws(FrameError) -> [[UInt8]] {
        func message(
            _ kind: LookupHeader.Kind,
            _ body: (inout ByteWriter) throws(FrameError) -> Void = { _ in }
        ) throws(FrameError) -> [UInt8] {
            var writer = ByteWriter()
            try LookupHeader(kind, number: number).encode(to: &writer)
            try body(&writer)
            return writer.bytes
        }
        switch self {
        case .passwd(let entry):
            let body = { (writer: inout ByteWriter) throws(FrameError) in
                try writer.string(Array(entry.name.utf8), "name", .answeredName)
                try writer.number(entry.userID.rawValue, "user id")
                try writer.number(entry.groupID.rawValue, "group id")
                try writer.string(Self.bytes(of: entry.homeDirectory), "home directory", .answeredPath)
                try writer.string(Self.bytes(of: entry.shell), "shell", .answeredPath)
            }
            return [try message(.passwdEntry, body)]
        case .group(let entry):
            let body = { (writer: inout ByteWriter) throws(FrameError) in
                try writer.string(Array(entry.name.utf8), "name", .answeredName)
                try writer.number(entry.groupID.rawValue, "group id")
            }
            return [try message(.groupEntry, body)]
        case .groups(let groups):
            var messages: [[UInt8]] = []
            var next = 0
            repeat {
                let part = Array(groups[next..<min(next + Self.groupsAtOnce, groups.count)])
                let body = { (writer: inout ByteWriter) throws(FrameError) in
                    try writer.number(groups.count, "count of groups", in: 0...ProtocolLimits.groups, as: UInt32.self)
                    try writer.number(next, "first group", in: 0...ProtocolLimits.groups, as: UInt32.self)
                    try writer.list(part, "groups", counts: 0...Self.groupsAtOnce) {
                        (writer, group) throws(FrameError) in try writer.number(group.rawValue, "group")
                    }
                }
                messages.append(try message(.groupList, body))
                next += part.count
            } while next < groups.count
            return messages
        case .absent: return [try message(.absent)]
        case .failed(let errno):
            return [try message(.failed) { (writer) throws(FrameError) in try writer.number(errno, "error") }]
        case .tooLarge: return [try message(.tooLarge)]
        case .undecodable(let field):
            return [
                try message(.undecodable) { (writer) throws(FrameError) in try writer.number(field.rawValue, "field") }
            ]
        }
    }

    private static func bytes(of path: FilePath) -> [UInt8] {
        let length = path.length
        return unsafe path.withPlatformString { characters in
            unsafe UnsafeRawBufferPointer(start: characters, count: length).map { $0 }
        }
    }
}
