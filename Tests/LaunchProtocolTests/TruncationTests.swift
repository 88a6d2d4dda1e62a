import Testing

@testable import LaunchProtocol

@Suite("A message that is cut off")
struct TruncationTests {
    @Test("is no order, wherever it is cut")
    func order() {
        let bytes = Samples.orderBytes.bytes
        for size in bytes.indices {
            let error = #expect(throws: FrameError.self) { try LaunchOrder(decoding: Array(bytes[..<size])) }
            #expect(error?.code == .truncated)
            #expect((error?.offset ?? .max) <= size)
        }
    }

    @Test("is no frame, wherever it is cut")
    func frames() throws {
        for bytes in try Samples.frames() {
            for size in bytes.indices {
                let error = #expect(throws: FrameError.self) { try FrameHeader(decoding: Array(bytes[..<size])) }
                #expect(error?.code == .truncated)
                #expect((error?.offset ?? .max) <= size)
            }
        }
    }

    @Test("is no message, even if the header says it is whole", arguments: Samples.clientMessages)
    func client(_ message: ClientMessage) throws {
        let whole = try message.encoded(sequence: 1).bytes
        for size in FrameHeader.size..<whole.count {
            var bytes = Array(whole[..<size])
            bytes.replaceSubrange(16..<20, with: wire(UInt32(size - FrameHeader.size)))
            let header = try FrameHeader(decoding: bytes)
            let error = #expect(throws: FrameError.self) { try ClientMessage(header.type, in: bytes) }
            #expect(error?.code == .truncated)
        }
    }

    @Test("is no answer, even if the header says it is whole", arguments: Samples.helperMessages)
    func helper(_ message: HelperMessage) throws {
        let whole = try message.encoded(sequence: 1).bytes
        for size in FrameHeader.size..<whole.count {
            var bytes = Array(whole[..<size])
            bytes.replaceSubrange(16..<20, with: wire(UInt32(size - FrameHeader.size)))
            let header = try FrameHeader(decoding: bytes)
            let error = #expect(throws: FrameError.self) { try HelperMessage(header.type, in: bytes) }
            #expect(error?.code == .truncated)
        }
    }

    @Test("and one that goes on is none either")
    func trailing() throws {
        for whole in try Samples.frames() {
            #expect(throws: FrameError(.trailingBytes, at: whole.count, in: "bytes behind the body")) {
                try FrameHeader(decoding: whole + [0])
            }
        }
        let order = Samples.orderBytes.bytes
        #expect(throws: FrameError(.trailingBytes, at: order.count, in: "bytes")) {
            try LaunchOrder(decoding: order + [0])
        }
        for message in Samples.clientMessages {
            var bytes = try message.encoded(sequence: 1).bytes + [0]
            bytes.replaceSubrange(16..<20, with: wire(UInt32(bytes.count - FrameHeader.size)))
            let header = try FrameHeader(decoding: bytes)
            #expect(throws: FrameError(.trailingBytes, at: bytes.count - 1, in: "bytes")) {
                try ClientMessage(header.type, in: bytes)
            }
        }
    }
}
