import Damage
import Testing

@testable import Impersonation

@Suite("A damaged account name")
struct AccountNameDamageTests {
    private static let originals = [
        "alice", "host$", #"MYCORP\John Smith"#, "first.last@3m-corp.test", "MYCORP\\jos\u{E9}",
        "MYCORP\\\u{7530}\u{4E2D}",
        "MYCORP\\\u{418}\u{432}\u{430}\u{43D}",
    ]

    /// Bytes with a meaning in a name, and some of letters, blanks and marks that nobody sees.
    private static let interesting =
        Array("\\@$ .-_#+0x/:".utf8) + [0x00, 0x0A, 0x7F, 0xC3, 0xA9, 0xCC, 0x81, 0xD8, 0x80, 0xE2, 0x80, 0x8B, 0xFF]

    @Test("is a name that keeps to the rules in either spelling, or is refused in one line", arguments: originals)
    func damaged(original: String) throws {
        var generator = ByteDamage(seed: UInt64(original.utf8.count))
        var read = 0
        var refused = 0
        for _ in 0..<5_000 {
            let bytes = generator.damage(Array(original.utf8), with: Self.interesting)
            let text = String(decoding: bytes, as: UTF8.self)
            let name: AccountName
            do throws(AccountNameError) {
                name = try AccountName(text)
                read += 1
            } catch {
                refused += 1
                try #require("\(error)".unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }, "\(bytes)")
                continue
            }
            let isVisible = text.unicodeScalars.allSatisfy { scalar in
                ![.control, .format, .unassigned, .privateUse].contains(scalar.properties.generalCategory)
            }
            try #require(name.spelling == text && isVisible && !name.user.isEmpty, "\(bytes)")
            try #require(UInt64(name.user) == nil && !text.hasPrefix("-") && !text.hasPrefix("#"), "\(bytes)")
            guard let domain = name.domain else {
                try #require(text.utf8.allSatisfy { $0 < 0x80 }, "\(bytes)")
                continue
            }
            let twin = name.form == .principal ? "\(domain)\\\(name.user)" : "\(name.user)@\(domain)"
            try #require(try AccountName(twin) == name, "\(bytes)")
        }
        #expect(read > 100)
        #expect(refused > 100)
    }
}
