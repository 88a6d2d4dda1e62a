import Damage
import Testing

@testable import LaunchProtocol

@Suite("Bytes of a lookup process that was taken over")
struct LookupDamageTests {
    @Test("are refused at a place, or are one answer or question, for 60,000 of them")
    func damaged() throws {
        var generator = ByteDamage(seed: 7)
        let samples = try LookupOracle.samples()
        for sample in samples { #expect(LookupOracle.complaint(about: sample) == nil) }
        var read = 0
        for _ in 0..<60_000 {
            let original = try #require(samples.randomElement(using: &generator))
            var bytes = generator.damage(original, with: [0x00, 0x01, 0x04, 0x7F, 0x80, 0xC3, 0xFF])
            // A single message keeps its size, so that what is in it is read.
            if bytes.count > 2, Bool.random(using: &generator) {
                bytes[0] = UInt8(truncatingIfNeeded: bytes.count - 2)
                bytes[1] = UInt8(truncatingIfNeeded: (bytes.count - 2) >> 8)
            }
            let complaint = LookupOracle.complaint(about: bytes)
            try #require(complaint == nil, "\(bytes)")
            var reader = LookupAnswerReader(number: LookupOracle.number)
            if bytes.count > 2, (try? reader.take(Array(bytes.dropFirst(2)))) != nil { read += 1 }
        }
        // Otherwise the damage never got past the header.
        #expect(read > 1_000)
    }
}
