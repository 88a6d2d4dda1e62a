/// What every frame begins with, the lowest byte of each number first.
///
/// | at | size | field |
/// |---|---|---|
/// | 0 | 4 | magic |
/// | 4 | 2 | version |
/// | 6 | 2 | type |
/// | 8 | 8 | sequence |
/// | 16 | 4 | size of the body |
/// | 20 | 1 | count of the descriptors that come with it |
/// | 21 | 3 | zero |
package struct FrameHeader: Hashable, Sendable {
    /// The bytes of a header.
    package static let size = 24

    /// The version of the protocol that this library speaks.
    ///
    /// It grows with every change of a message. Magic and version stay in their places for ever, so that each side can say of the
    /// other which one that speaks.
    package static let version: UInt16 = 2

    static let magic: UInt32 = 0x4C50_4D49

    /// The largest body of a frame.
    static let largestBody = ProtocolLimits.frameSize - size

    let type: FrameType

    /// The launch that the message is about, as the launcher numbers it.
    package let sequence: UInt64

    let bodySize: Int

    let descriptorCount: Int

    init(_ type: FrameType, sequence: UInt64, bodySize: Int, descriptorCount: Int) {
        self.type = type
        self.sequence = sequence
        self.bodySize = bodySize
        self.descriptorCount = descriptorCount
    }

    /// Reads the header of a whole frame, and insists that the frame is as long as it says.
    ///
    /// - Parameter frame: The frame.
    /// - Throws: What is wrong with it.
    init(decoding frame: [UInt8]) throws(FrameError) {
        var reader = ByteReader(frame)
        guard try reader.number(UInt32.self, "magic") == Self.magic else {
            throw FrameError(.wrongMagic, at: 0, in: "magic")
        }
        guard try reader.number(UInt16.self, "version") == Self.version else {
            throw FrameError(.unsupportedVersion, at: 4, in: "version")
        }
        guard let type = FrameType(rawValue: try reader.number(UInt16.self, "type")) else {
            throw FrameError(.unknownType, at: 6, in: "type")
        }
        self.type = type
        sequence = try reader.number(UInt64.self, "sequence")
        bodySize = Int(try reader.number(UInt32.self, "body size", in: 0...UInt32(Self.largestBody)))
        descriptorCount = Int(
            try reader.number(UInt8.self, "descriptor count", in: 0...UInt8(ProtocolLimits.descriptors))
        )
        for _ in 0..<3 { _ = try reader.bits("reserved", known: UInt8(0)) }
        guard frame.count >= Self.size + bodySize else {
            throw FrameError(.truncated, at: Self.size, in: "body")
        }
        guard frame.count == Self.size + bodySize else {
            throw FrameError(.trailingBytes, at: Self.size + bodySize, in: "bytes behind the body")
        }
    }

    /// The version that a frame is of, where that is another one than this library's.
    ///
    /// - Parameter frame: The bytes, which may be no frame at all.
    /// - Returns: `nil` for a frame of this version, and for what does not begin like a frame.
    static func foreignVersion(of frame: [UInt8]) -> UInt16? {
        var reader = ByteReader(frame)
        guard (try? reader.number(UInt32.self, "magic")) == magic,
            let found = try? reader.number(UInt16.self, "version"), found != version
        else { return nil }
        return found
    }

    /// Makes a frame of this version one of another, for who speaks that: what a refusal says has been the same ever since.
    ///
    /// - Parameters:
    ///   - version: The version.
    ///   - frame: The frame.
    package static func set(version: UInt16, of frame: inout [UInt8]) {
        frame[4] = UInt8(truncatingIfNeeded: version)
        frame[5] = UInt8(truncatingIfNeeded: version >> 8)
    }

    /// Writes the header.
    ///
    /// - Parameter writer: Where nothing is written yet.
    /// - Throws: When the body or the descriptors are too many.
    func encode(to writer: inout ByteWriter) throws(FrameError) {
        try writer.number(Self.magic, "magic")
        try writer.number(Self.version, "version")
        try writer.number(type.rawValue, "type")
        try writer.number(sequence, "sequence")
        try writer.number(bodySize, "body size", in: 0...Self.largestBody, as: UInt32.self)
        try writer.number(descriptorCount, "descriptor count", in: 0...ProtocolLimits.descriptors, as: UInt8.self)
        for _ in 0..<3 { try writer.number(UInt8(0), "reserved") }
    }
}
