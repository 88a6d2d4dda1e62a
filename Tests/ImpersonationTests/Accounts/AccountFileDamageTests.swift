import Damage
import LaunchProtocol
import LocalAccounts
import NameLookup
import SystemPackage
import Testing

@testable import Impersonation

@Suite("A damaged file of accounts")
struct AccountFileDamageTests {
    private static let interesting = Array("\n:#+- \t[]0123456789,".utf8) + [0x00, 0x1D, 0xCC, 0x81, 0xE4, 0xFF]

    @Test("as getent writes it is one entry or none, in 40,000 of them")
    func outputs() throws {
        var generator = ByteDamage(seed: 3)
        for sample in AccountFileOracle.outputs { #expect(AccountFileOracle.complaint(aboutOutput: sample) == nil) }
        var read = 0
        for _ in 0..<40_000 {
            let original = try #require(AccountFileOracle.outputs.randomElement(using: &generator))
            let bytes = original.prefix(1) + generator.damage(Array(original.dropFirst()), with: Self.interesting)
            let complaint = AccountFileOracle.complaint(aboutOutput: Array(bytes))
            try #require(complaint == nil, "\(bytes)")
            if GetentOutput(Array(bytes.dropFirst())).answer(to: .passwdByName("alice")) != nil { read += 1 }
        }
        #expect(read > 1_000)
    }

    @Test("of this machine names accounts and groups that stand in it, in 20,000 of them")
    func files() throws {
        var generator = ByteDamage(seed: 4)
        for sample in AccountFileOracle.files { #expect(AccountFileOracle.complaint(aboutFiles: sample) == nil) }
        for _ in 0..<20_000 {
            let original = try #require(AccountFileOracle.files.randomElement(using: &generator))
            let bytes = generator.damage(original, with: Self.interesting)
            let complaint = AccountFileOracle.complaint(aboutFiles: bytes)
            try #require(complaint == nil, "\(bytes)")
        }
    }
}
