import Damage
import LaunchPlan
import Testing

@testable import LaunchProtocol

@Suite("What is written is what is read")
struct RoundTripTests {
    @Test("messages of a launcher", arguments: Samples.clientMessages)
    func client(_ message: ClientMessage) throws {
        let bytes = try message.encoded(sequence: 42).bytes
        let header = try FrameHeader(decoding: bytes)
        #expect(header.sequence == 42)
        #expect(header.descriptorCount == message.descriptorCount)
        #expect(try ClientMessage(header.type, in: bytes) == message)
    }

    @Test("messages of the helper", arguments: Samples.helperMessages)
    func helper(_ message: HelperMessage) throws {
        let bytes = try message.encoded(sequence: .max).bytes
        let header = try FrameHeader(decoding: bytes)
        #expect(header.sequence == .max)
        #expect(header.descriptorCount == message.descriptorCount)
        #expect(try HelperMessage(header.type, in: bytes) == message)
    }

    @Test("an order, byte for byte as it is written down here")
    func layout() throws {
        #expect(try Samples.order.encoded() == Samples.orderBytes.bytes)
        #expect(try LaunchOrder(decoding: Samples.orderBytes.bytes) == Samples.order)
    }

    @Test("a header, byte for byte as it is written down here")
    func header() throws {
        let encoded = try ClientMessage.launch(Samples.order).encoded(sequence: 0x0102_0304_0506_0708)
        #expect(
            encoded.bytes
                == frame(2, sequence: 0x0102_0304_0506_0708, descriptors: 4, Samples.orderBytes.bytes)
        )
    }

    @Test("orders of every shape", arguments: 0..<20)
    func random(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let order = LaunchOrder.random(with: &generator)
            #expect(try LaunchOrder(decoding: try order.encoded()) == order)
        }
    }

    @Test("bytes that are no text stay what they are")
    func bytes() throws {
        var order = Samples.order
        order.arguments = [Array(1...255), [0xC3, 0x28]]
        order.account = [0xFF, 0xFE]
        #expect(try LaunchOrder(decoding: try order.encoded()) == order)
    }

    @Test("the largest things that are allowed")
    func largest() throws {
        var order = Samples.order
        order.arguments = [[UInt8](repeating: 0x61, count: ProtocolLimits.stringLength)]
        order.credentials.groups = Array(0..<UInt32(ProtocolLimits.groups))
        order.descriptorTargets = Array(0..<Int32(3 + ProtocolLimits.extraDescriptors))
        order.credentials.userID = .max - 1
        #expect(try LaunchOrder(decoding: try order.encoded()) == order)
    }
}
