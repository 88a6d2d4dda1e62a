import Testing

@testable import LaunchProtocol

@Suite("A message that is refused")
struct MessageRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let bytes: [UInt8]
        let error: FrameError

        init(_ bytes: [UInt8], _ code: FrameError.Code, at offset: Int, in field: String) {
            self.bytes = bytes
            error = FrameError(code, at: offset, in: field)
        }

        var testDescription: String { "\(error.field): \(error.code)" }
    }

    private static func patched(_ offset: Int, _ bytes: [UInt8]) -> [UInt8] {
        var whole = frame(4, [])
        whole.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        return whole
    }

    @Test(
        "for its header",
        arguments: [
            Case([], .truncated, at: 0, in: "magic"),
            Case(patched(0, [0]), .wrongMagic, at: 0, in: "magic"),
            Case(patched(4, [0, 0]), .unsupportedVersion, at: 4, in: "version"),
            Case(patched(4, [1, 0]), .unsupportedVersion, at: 4, in: "version"),
            Case(patched(4, [3, 0]), .unsupportedVersion, at: 4, in: "version"),
            Case(patched(6, [0, 0]), .unknownType, at: 6, in: "type"),
            Case(patched(6, [8, 0]), .unknownType, at: 6, in: "type"),
            Case(patched(6, [6, 0x80]), .unknownType, at: 6, in: "type"),
            Case(patched(16, wire(UInt32(65_513))), .tooLarge, at: 16, in: "body size"),
            Case(patched(16, wire(UInt32.max)), .tooLarge, at: 16, in: "body size"),
            Case(patched(16, wire(UInt32(65_512))), .truncated, at: 24, in: "body"),
            Case(patched(20, [70]), .tooLarge, at: 20, in: "descriptor count"),
            Case(patched(21, [1]), .unknownValue, at: 21, in: "reserved"),
            Case(patched(22, [0x80]), .unknownValue, at: 22, in: "reserved"),
            Case(patched(23, [1]), .unknownValue, at: 23, in: "reserved"),
        ]
    )
    func header(_ refused: Case) {
        #expect(throws: refused.error) { try FrameHeader(decoding: refused.bytes) }
    }

    @Test(
        "for what a launcher says",
        arguments: [
            Case(frame(0x8001, []), .unknownType, at: 6, in: "type"),
            Case(frame(0x8005, []), .unknownType, at: 6, in: "type"),
            Case(frame(5, wire(Int32(0)) + [1]), .tooSmall, at: 24, in: "signal"),
            Case(frame(5, wire(Int32(-9)) + [1]), .tooSmall, at: 24, in: "signal"),
            Case(frame(5, wire(Int32(65)) + [1]), .tooLarge, at: 24, in: "signal"),
            Case(frame(5, wire(Int32(9)) + [0]), .unknownValue, at: 28, in: "signal target"),
            Case(frame(5, wire(Int32(9)) + [4]), .unknownValue, at: 28, in: "signal target"),
            Case(frame(7, []), .truncated, at: 24, in: "process id"),
            Case(frame(7, wire(Int32(0)) + wire(UInt32(2001))), .tooSmall, at: 24, in: "process id"),
            Case(frame(7, wire(Int32(-1)) + wire(UInt32(2001))), .tooSmall, at: 24, in: "process id"),
            Case(frame(7, wire(Int32(7))), .truncated, at: 28, in: "user id"),
            Case(frame(7, wire(Int32(7)) + wire(UInt32.max)), .tooLarge, at: 28, in: "user id"),
            Case(frame(7, wire(Int32(7)) + wire(UInt32(2001)) + [0]), .trailingBytes, at: 32, in: "bytes"),
            Case(frame(4, [0]), .trailingBytes, at: 24, in: "bytes"),
            Case(frame(3, descriptors: 4, wire(UInt32(0))), .tooSmall, at: 24, in: "launch size"),
            Case(frame(3, descriptors: 4, wire(UInt32(8_388_609))), .tooLarge, at: 24, in: "launch size"),
            Case(frame(3, descriptors: 4, wire(UInt32(5)) + [0]), .trailingBytes, at: 28, in: "bytes"),
        ]
    )
    func client(_ refused: Case) {
        #expect(throws: refused.error) {
            let header = try FrameHeader(decoding: refused.bytes)
            if header.type == .largeLaunch { _ = try ClientMessage.sizeOfLargeLaunch(refused.bytes) }
            _ = try ClientMessage(header.type, in: refused.bytes)
        }
    }

    private static let welcome = wire(UInt16(1))
    private static let started = wire(Int32(2)) + wire(UInt32(0))
    private static let failed = wire(UInt32(0)) + wire(Int32(0))

    @Test(
        "for what the helper says",
        arguments: [
            Case(frame(1, []), .unknownType, at: 6, in: "type"),
            Case(frame(3, []), .unknownType, at: 6, in: "type"),
            Case(frame(0x8001, welcome + wire(Int32(0)) + wire(UInt64(0))), .tooSmall, at: 26, in: "helper process id"),
            Case(frame(0x8001, welcome + wire(Int32(1)) + wire(UInt64(16))), .unknownValue, at: 30, in: "features"),
            Case(frame(0x8002, descriptors: 1, wire(Int32(0)) + [0]), .tooSmall, at: 24, in: "process id"),
            Case(frame(0x8002, descriptors: 1, wire(Int32(-1)) + [0]), .tooSmall, at: 24, in: "process id"),
            Case(frame(0x8002, descriptors: 1, wire(Int32(2)) + wire(UInt32.max)), .tooLarge, at: 28, in: "user id"),
            Case(frame(0x8002, descriptors: 1, started + [2]), .unknownValue, at: 32, in: "fell back"),
            Case(frame(0x8002, descriptors: 1, started + [0, 2]), .unknownValue, at: 33, in: "may gain privileges"),
            Case(frame(0x8003, wire(UInt16(0)) + failed), .unknownValue, at: 24, in: "failure code"),
            Case(frame(0x8003, wire(UInt16(12)) + failed), .unknownValue, at: 24, in: "failure code"),
            Case(frame(0x8003, wire(UInt16(1)) + failed), .truncated, at: 34, in: "operation text"),
            Case(
                frame(0x8003, wire(UInt16(1)) + wire(UInt32(0)) + wire(Int32(4096)) + wire("")),
                .tooLarge,
                at: 30,
                in: "error number"
            ),
            Case(
                frame(0x8003, wire(UInt16(1)) + failed + wire(UInt32(2)) + [0xC3, 0x28]),
                .invalidText,
                at: 34,
                in: "operation text"
            ),
            Case(frame(0x8004, wire(Int32(-1)) + wire(Int32(0))), .unknownValue, at: 24, in: "exit code"),
            Case(frame(0x8004, wire(Int32(0)) + wire(Int32(1))), .tooLarge, at: 28, in: "exit status"),
            Case(frame(0x8004, wire(Int32(4)) + wire(Int32(0))), .unknownValue, at: 24, in: "exit code"),
            Case(frame(0x8004, wire(Int32(1)) + wire(Int32(256))), .tooLarge, at: 28, in: "exit status"),
            Case(frame(0x8004, wire(Int32(2)) + wire(Int32(0))), .tooSmall, at: 28, in: "exit status"),
            Case(frame(0x8004, wire(Int32(3)) + wire(Int32(65))), .tooLarge, at: 28, in: "exit status"),
            Case(frame(0x8005, wire("") + wire("")), .tooSmall, at: 24, in: "reason"),
            Case(frame(0x8005, wire("a b") + wire("")), .invalidText, at: 24, in: "reason"),
            Case(frame(0x8005, wire("a\n") + wire("")), .invalidText, at: 24, in: "reason"),
            Case(frame(0x8005, wire("a") + wire("b\0")), .zeroByte, at: 29, in: "message"),
        ]
    )
    func helper(_ refused: Case) {
        #expect(throws: refused.error) {
            let header = try FrameHeader(decoding: refused.bytes)
            _ = try HelperMessage(header.type, in: refused.bytes)
        }
    }

    @Test("says what to do about it and nothing of what was sent", arguments: FrameError.Code.allCases)
    func message(_ code: FrameError.Code) {
        let message = FrameError(code, at: 12, in: "argument").message
        #expect(message.hasPrefix("argument at byte 12 "))
        #expect(message.contains("; "))
    }
}
