/// What the library asks the lookup process: one call of the name service.
package enum LookupQuestion: Hashable, Sendable {
    /// `getpwnam_r(3)`.
    case passwdByName(String)

    /// `getpwuid_r(3)`.
    case passwdByID(UInt32)

    /// `getgrnam_r(3)`.
    case groupByName(String)

    /// `getgrouplist(3)`.
    case groups(of: String, primary: UInt32)

    /// Whether directory services that may be asked say that they reach their directories.
    ///
    /// ``LookupAnswer/absent`` where nobody says otherwise, and else an error number: `EHOSTDOWN` where one does not, `ETIMEDOUT` where
    /// one does not answer, `EACCES` where one does not tell the lookup process, and `ENOENT` where there is nobody to ask.
    case reach

    /// Writes the question.
    ///
    /// - Parameters:
    ///   - number: Its number.
    ///   - milliseconds: After how long nobody wants the answer any more, and whoever is still asking may end itself.
    /// - Returns: The bytes of one message.
    /// - Throws: When its name is none that could be asked for.
    package func encoded(number: UInt64, milliseconds: UInt32) throws(FrameError) -> [UInt8] {
        var writer = ByteWriter()
        try LookupHeader(kind, number: number).encode(to: &writer)
        try writer.number(milliseconds, "patience")
        switch self {
        case .passwdByName(let name), .groupByName(let name): try writer.string(Array(name.utf8), "name", .name)
        case .passwdByID(let id): try writer.number(id, "user id")
        case .groups(of: let name, let primary):
            try writer.string(Array(name.utf8), "name", .name)
            try writer.number(primary, "primary group")
        case .reach: break
        }
        return writer.bytes
    }

    /// Reads a question.
    ///
    /// - Parameter bytes: One message.
    /// - Returns: The question, its number, and how many milliseconds somebody waits for the answer.
    /// - Throws: What is wrong with it.
    package static func decode(_ bytes: [UInt8]) throws(FrameError)
        -> (question: LookupQuestion, number: UInt64, milliseconds: UInt32)
    {
        var reader = ByteReader(bytes)
        let header = try LookupHeader(from: &reader)
        let milliseconds = try reader.number(UInt32.self, "patience")
        let question: LookupQuestion =
            switch header.kind {
            case .passwdByName: .passwdByName(try name(&reader))
            case .passwdByID: .passwdByID(try reader.number(UInt32.self, "user id"))
            case .groupByName: .groupByName(try name(&reader))
            case .groups: .groups(of: try name(&reader), primary: try reader.number(UInt32.self, "primary group"))
            case .reach: .reach
            default: throw FrameError(.unknownType, at: 6, in: "kind")
            }
        try reader.finish()
        return (question, header.number, milliseconds)
    }

    private var kind: LookupHeader.Kind {
        switch self {
        case .passwdByName: .passwdByName
        case .passwdByID: .passwdByID
        case .groupByName: .groupByName
        case .groups: .groups
        case .reach: .reach
        }
    }

    private static func name(_ reader: inout ByteReader) throws(FrameError) -> String {
        String(decoding: try reader.string("name", .name), as: UTF8.self)
    }
}

extension StringRule {
    /// A name that is asked for.
    fileprivate static let name = StringRule(sizes: 1...LookupAnswer.largestText, content: .text)
}
