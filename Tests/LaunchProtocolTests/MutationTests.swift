import Damage
import Testing

@testable import LaunchProtocol

@Suite("Bytes of a broken or hostile peer")
struct MutationTests {
    /// Ten times ten thousand; the fuzzer in `Fuzz` looks further.
    @Test("are refused at a place, or are the only spelling of a message", arguments: 0..<10)
    func mutations(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let orders = [Samples.orderBytes.bytes, try Samples.onTerminal.encoded(), try Samples.smallest.encoded()]
        let frames = try Samples.frames()
        var accepted = 0
        var wrong = Set<String>()
        for _ in 0..<10_000 {
            let isFrame = Int.random(in: 0..<4, using: &generator) != 0
            let original = try #require((isFrame ? frames : orders).randomElement(using: &generator))
            let bytes = Mutation.mutate(original, isFrame: isFrame, with: &generator)
            if let complaint = FrameOracle.complaint(about: bytes) {
                Issue.record("\(complaint): \(bytes)")
                return
            }
            guard !isFrame, bytes != original else { continue }
            do throws(FrameError) {
                _ = try LaunchOrder(decoding: bytes)
                accepted += 1
            } catch {
                wrong.insert(error.field)
            }
        }
        // Otherwise the mutations never got past the first fields.
        #expect(accepted > 100)
        #expect(wrong.count > 20)
    }

    @Test("that were never a message are none", arguments: 0..<4)
    func noise(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<1000 {
            let bytes = (0..<Int.random(in: 0...200, using: &generator))
                .map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(FrameOracle.complaint(about: bytes) == nil)
            #expect(throws: FrameError.self) { try FrameHeader(decoding: bytes) }
        }
    }
}
