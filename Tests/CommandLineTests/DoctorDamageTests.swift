import Damage
import Testing

@testable import impersonate

@Suite("A damaged text that doctor reads")
struct DoctorDamageTests {
    private func damage(_ samples: [[UInt8]], seed: UInt64, _ complaint: ([UInt8]) -> String?) throws {
        let interesting = Array("\n:\t \r#![],%0fALr".utf8) + [0x00, 0xCC, 0x81, 0xE4, 0xFF]
        var generator = ByteDamage(seed: seed)
        for sample in samples {
            let complaint = complaint(sample)
            try #require(complaint == nil, "\(complaint ?? ""): \(String(decoding: sample, as: UTF8.self))")
        }
        for _ in 0..<20_000 {
            let original = try #require(samples.randomElement(using: &generator))
            let bytes = generator.damage(original, with: interesting)
            let complaint = complaint(bytes)
            try #require(complaint == nil, "\(complaint ?? ""): \(bytes)")
        }
    }

    @Test("permits nothing that it does not say, as sudo lists rules, in 20,000 of them")
    func listing() throws {
        try damage(SudoListingOracle.samples, seed: 66, SudoListingOracle.complaint)
    }

    @Test("says where a directory that is down looks like one without the account, in 20,000 of them")
    func order() throws {
        try damage(NameServiceOrderOracle.samples, seed: 67, NameServiceOrderOracle.complaint)
    }

    @Test("names the signals that are in it, in 20,000 of them")
    func status() throws {
        try damage(OwnStatusOracle.samples, seed: 68, OwnStatusOracle.complaint)
    }
}
