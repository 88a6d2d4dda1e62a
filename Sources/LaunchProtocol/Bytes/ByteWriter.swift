/// Writes fields as ``ByteReader`` reads them, and refuses what that would.
///
/// The offset of an error is where the field would begin.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    /// Where the next field begins.
    var offset: Int { bytes.count }

    /// Writes a number, the lowest byte first.
    mutating func number<Number: FixedWidthInteger>(
        _ number: Number,
        _ field: String,
        in range: ClosedRange<Number> = Number.min...Number.max
    ) throws(FrameError) {
        try Self.check(number, in: range, at: offset, field)
        let pattern = Number.Magnitude(truncatingIfNeeded: number)
        for index in 0..<Number.bitWidth / 8 {
            bytes.append(UInt8(truncatingIfNeeded: pattern >> Number.Magnitude(8 * index)))
        }
    }

    /// Writes a count as a smaller number, once it is known to fit.
    mutating func number<Narrow: FixedWidthInteger>(
        _ count: Int,
        _ field: String,
        in range: ClosedRange<Int>,
        as type: Narrow.Type
    ) throws(FrameError) {
        try Self.check(count, in: range, at: offset, field)
        try number(Narrow(truncatingIfNeeded: count), field)
    }

    /// Writes a byte that is zero or one.
    mutating func flag(_ flag: Bool) {
        bytes.append(flag ? 1 : 0)
    }

    /// Writes bits of which only some are known.
    mutating func bits<Bits: FixedWidthInteger>(_ bits: Bits, _ field: String, known: Bits) throws(FrameError) {
        guard bits & ~known == 0 else { throw FrameError(.unknownValue, at: offset, in: field) }
        try number(bits, field)
    }

    /// Writes a string: its size, then its bytes.
    mutating func string(_ string: [UInt8], _ field: String, _ rule: StringRule) throws(FrameError) {
        try Self.check(string.count, in: rule.sizes, at: offset, field)
        if let violation = rule.violation(in: string[...]) { throw FrameError(violation, at: offset, in: field) }
        try number(UInt32(string.count), field)
        bytes.append(contentsOf: string)
    }

    /// Writes a list: how many there are, then each.
    mutating func list<Element>(
        _ elements: [Element],
        _ field: String,
        counts: ClosedRange<Int>,
        _ write: (inout ByteWriter, Element) throws(FrameError) -> Void
    ) throws(FrameError) {
        try Self.check(elements.count, in: counts, at: offset, field)
        try number(UInt32(elements.count), field)
        for element in elements { try write(&self, element) }
    }

    /// Writes whether something is there, and then that.
    mutating func optional<Value>(
        _ value: Value?,
        _ write: (inout ByteWriter, Value) throws(FrameError) -> Void
    ) throws(FrameError) {
        flag(value != nil)
        if let value { try write(&self, value) }
    }

    /// Writes bytes that are encoded already.
    mutating func append(_ encoded: [UInt8]) {
        bytes.append(contentsOf: encoded)
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
