/// Reads fields from bytes of somebody who may be hostile.
///
/// Nothing is allocated before it is known that the bytes for it are there.
struct ByteReader: ~Copyable {
    private let bytes: [UInt8]

    /// Where the next field begins.
    private(set) var offset: Int

    /// Begins to read.
    ///
    /// - Parameters:
    ///   - bytes: All bytes; offsets in errors count from their beginning.
    ///   - offset: Where the first field begins.
    init(_ bytes: [UInt8], from offset: Int = 0) {
        self.bytes = bytes
        self.offset = min(offset, bytes.count)
    }

    private var remaining: Int { bytes.count - offset }

    /// Reads a number, the lowest byte first.
    mutating func number<Number: FixedWidthInteger>(
        _ type: Number.Type,
        _ field: String,
        in range: ClosedRange<Number> = Number.min...Number.max
    ) throws(FrameError) -> Number {
        let start = offset
        let size = Number.bitWidth / 8
        guard size <= remaining else { throw FrameError(.truncated, at: start, in: field) }
        var value: Number.Magnitude = 0
        for index in 0..<size {
            value |= Number.Magnitude(truncatingIfNeeded: bytes[start + index]) << Number.Magnitude(8 * index)
        }
        offset += size
        let number = Number(truncatingIfNeeded: value)
        try Self.check(number, in: range, at: start, field)
        return number
    }

    /// Reads a byte that is zero or one.
    mutating func flag(_ field: String) throws(FrameError) -> Bool {
        let start = offset
        let value = try number(UInt8.self, field)
        guard value <= 1 else { throw FrameError(.unknownValue, at: start, in: field) }
        return value == 1
    }

    /// Reads bits of which only some are known.
    mutating func bits<Bits: FixedWidthInteger>(_ field: String, known: Bits) throws(FrameError) -> Bits {
        let start = offset
        let value = try number(Bits.self, field)
        guard value & ~known == 0 else { throw FrameError(.unknownValue, at: start, in: field) }
        return value
    }

    /// Reads a string: its size, then its bytes.
    mutating func string(_ field: String, _ rule: StringRule) throws(FrameError) -> [UInt8] {
        let start = offset
        let size = Int(try number(UInt32.self, field))
        try Self.check(size, in: rule.sizes, at: start, field)
        guard size <= remaining else { throw FrameError(.truncated, at: start, in: field) }
        let slice = bytes[offset..<offset + size]
        if let violation = rule.violation(in: slice) { throw FrameError(violation, at: start, in: field) }
        offset += size
        return Array(slice)
    }

    /// Reads a list: how many there are, then each.
    ///
    /// - Parameters:
    ///   - field: What the list is.
    ///   - counts: How many there may be.
    ///   - smallest: The bytes that each takes at least.
    ///   - read: Reads one of them.
    /// - Returns: All of them.
    /// - Throws: When there are too few or too many, or one of them is wrong.
    mutating func list<Element>(
        _ field: String,
        counts: ClosedRange<Int>,
        smallest: Int,
        _ read: (inout ByteReader) throws(FrameError) -> Element
    ) throws(FrameError) -> [Element] {
        let start = offset
        let count = Int(try number(UInt32.self, field))
        try Self.check(count, in: counts, at: start, field)
        guard count * smallest <= remaining else { throw FrameError(.truncated, at: start, in: field) }
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try read(&self)) }
        return elements
    }

    /// Reads whether something is there, and then that.
    mutating func optional<Value>(
        _ field: String,
        _ read: (inout ByteReader) throws(FrameError) -> Value
    ) throws(FrameError) -> Value? {
        try flag(field) ? try read(&self) : nil
    }

    /// Insists that everything was read.
    func finish() throws(FrameError) {
        guard remaining == 0 else { throw FrameError(.trailingBytes, at: offset, in: "bytes") }
    }

    private static func check<Number: Comparable>(
        _ number: Number,
        in range: ClosedRange<Number>,
        at offset: Int,
        _ field: String
    ) throws(FrameError) {
        guard number >= range.lowerBound else { throw FrameError(.tooSmall, at: offset, in: field) }
        guard number <= range.upperBound else { throw FrameError(.tooLarge, at: offset, in: field) }
    }
}
