/// What every message between the library and the lookup process begins with, the lowest byte of each number first.
///
/// | at | size | field |
/// |---|---|---|
/// | 0 | 4 | magic |
/// | 4 | 2 | version |
/// | 6 | 2 | kind |
/// | 8 | 8 | number of the question |
struct LookupHeader: Hashable, Sendable {
    static let magic: UInt32 = 0x4B4F_4F4C

    static let version: UInt16 = 1

    /// The kinds of messages; those of the lookup process have the highest bit.
    enum Kind: UInt16, CaseIterable, Sendable {
        case passwdByName = 0x0001
        case passwdByID = 0x0002
        case groupByName = 0x0003
        case groups = 0x0004
        case reach = 0x0005
        case ready = 0x8000
        case passwdEntry = 0x8001
        case groupEntry = 0x8002
        case groupList = 0x8003
        case absent = 0x8004
        case failed = 0x8005
        case tooLarge = 0x8006
        case undecodable = 0x8007
    }

    let kind: Kind

    /// Numbers of questions count from 1; nobody has asked for ``Kind/ready``, which has 0.
    let number: UInt64

    init(_ kind: Kind, number: UInt64) {
        self.kind = kind
        self.number = number
    }

    init(from reader: inout ByteReader) throws(FrameError) {
        guard try reader.number(UInt32.self, "magic") == Self.magic else {
            throw FrameError(.wrongMagic, at: 0, in: "magic")
        }
        guard try reader.number(UInt16.self, "version") == Self.version else {
            throw FrameError(.unsupportedVersion, at: 4, in: "version")
        }
        guard let kind = Kind(rawValue: try reader.number(UInt16.self, "kind")) else {
            throw FrameError(.unknownType, at: 6, in: "kind")
        }
        self.kind = kind
        number = try reader.number(UInt64.self, "number")
    }

    func encode(to writer: inout ByteWriter) throws(FrameError) {
        try writer.number(Self.magic, "magic")
        try writer.number(Self.version, "version")
        try writer.number(kind.rawValue, "kind")
        try writer.number(number, "number")
    }
}
