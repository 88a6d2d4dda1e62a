/// Bytes put together field by field, without the encoder: what the protocol looks like, written down a second time.
struct WireBytes {
    private var fields: [(name: String, bytes: [UInt8])]

    init(_ fields: [(String, [UInt8])]) {
        self.fields = fields
    }

    var bytes: [UInt8] { fields.flatMap(\.bytes) }

    var names: [String] { fields.map(\.name) }

    /// Where a field begins.
    func offset(of name: String) -> Int? {
        guard let index = fields.firstIndex(where: { $0.name == name }) else { return nil }
        return fields[..<index].reduce(0) { $0 + $1.bytes.count }
    }

    /// The same bytes with another field at one place.
    func replacing(_ name: String, with bytes: [UInt8]) -> WireBytes {
        var copy = self
        for index in copy.fields.indices where copy.fields[index].name == name { copy.fields[index].bytes = bytes }
        return copy
    }
}

/// A number, the lowest byte first.
func wire<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> Number(8 * $0)) }
}

/// A string behind its size.
func wire(_ string: String) -> [UInt8] {
    wire(UInt32(string.utf8.count)) + Array(string.utf8)
}

/// A frame around a body.
func frame(_ type: UInt16, sequence: UInt64 = 7, descriptors: UInt8 = 0, _ body: [UInt8]) -> [UInt8] {
    wire(UInt32(0x4C50_4D49)) + wire(UInt16(2)) + wire(type) + wire(sequence) + wire(UInt32(body.count))
        + [descriptors, 0, 0, 0] + body
}
