import Damage
import Testing

@testable import Impersonation

@Suite("What is written where sudo speaks")
struct SudoWordsTests {
    @Test("is a line, and a prompt or a reason only where sudo has written it, in 20,000 damaged texts")
    func damaged() throws {
        var generator = ByteDamage(seed: 5)
        for sample in SudoOracle.samples { #expect(SudoOracle.complaint(about: sample) == nil) }
        for _ in 0..<20_000 {
            let original = try #require(SudoOracle.samples.randomElement(using: &generator))
            let bytes = generator.damage(
                original,
                with: Array("\n\r[1] :;".utf8) + [0x00, 0x80, 0xCC, 0x81, 0xE2, 0xFF]
            )
            let complaint = SudoOracle.complaint(about: bytes)
            try #require(complaint == nil, "\(bytes)")
        }
    }
}
