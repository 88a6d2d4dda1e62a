import Damage
import Testing

@testable import Impersonation

@Suite("An account name")
struct AccountNameTests {
    struct Good: Sendable, CustomTestStringConvertible {
        var text: String
        var user: String
        var domain: String?
        var form: AccountName.Form
        var separator: Character = "\\"

        var testDescription: String { text }
    }

    static let good: [Good] = [
        Good(text: "alice", user: "alice", domain: nil, form: .bare),
        Good(text: "a", user: "a", domain: nil, form: .bare),
        Good(text: "_apt", user: "_apt", domain: nil, form: .bare),
        Good(text: "systemd-network", user: "systemd-network", domain: nil, form: .bare),
        Good(text: "first.last", user: "first.last", domain: nil, form: .bare),
        Good(text: "Alice_2", user: "Alice_2", domain: nil, form: .bare),
        Good(text: "host$", user: "host$", domain: nil, form: .bare),
        Good(text: "x0", user: "x0", domain: nil, form: .bare),
        Good(text: "e10", user: "e10", domain: nil, form: .bare),
        Good(text: String(repeating: "a", count: 255), user: String(repeating: "a", count: 255), form: .bare),
        Good(text: "MYCORP\\someuser", user: "someuser", domain: "MYCORP", form: .downLevel),
        Good(text: "mycorp.test\\someuser", user: "someuser", domain: "mycorp.test", form: .downLevel),
        Good(text: "MYCORP\\John Smith", user: "John Smith", domain: "MYCORP", form: .downLevel),
        Good(text: "MYCORP\\dc1$", user: "dc1$", domain: "MYCORP", form: .downLevel),
        Good(text: "MYCORP\\3dsmax", user: "3dsmax", domain: "MYCORP", form: .downLevel),
        Good(text: "MYCORP\\jos\u{E9}", user: "jos\u{E9}", domain: "MYCORP", form: .downLevel),
        Good(text: "M\u{DC}NCHEN\\J\u{D6}RG", user: "J\u{D6}RG", domain: "M\u{DC}NCHEN", form: .downLevel),
        Good(
            text: "MYCORP\\\u{418}\u{432}\u{430}\u{43D}",
            user: "\u{418}\u{432}\u{430}\u{43D}",
            domain: "MYCORP",
            form: .downLevel
        ),
        Good(text: "MYCORP\\\u{7530}\u{4E2D}", user: "\u{7530}\u{4E2D}", domain: "MYCORP", form: .downLevel),
        Good(text: "someuser@mycorp.test", user: "someuser", domain: "mycorp.test", form: .principal),
        Good(text: "john smith@mycorp.test", user: "john smith", domain: "mycorp.test", form: .principal),
        Good(text: "first.last@3m-corp.test", user: "first.last", domain: "3m-corp.test", form: .principal),
        Good(text: "someuser@MYCORP", user: "someuser", domain: "MYCORP", form: .principal),
        Good(text: "MYCORP+someuser", user: "someuser", domain: "MYCORP", form: .downLevel, separator: "+"),
        Good(text: "MYCORP/someuser", user: "someuser", domain: "MYCORP", form: .downLevel, separator: "/"),
        Good(text: "someuser@mycorp.test", user: "someuser", domain: "mycorp.test", form: .principal, separator: "+"),
        Good(text: "alice", user: "alice", domain: nil, form: .bare, separator: "+"),
    ]

    @Test("is read in every form a site may use", arguments: good)
    func isRead(good: Good) throws {
        let name = try AccountName(good.text, syntax: AccountNameSyntax(separator: good.separator))
        #expect(name.user == good.user)
        #expect(name.domain == good.domain)
        #expect(name.form == good.form)
        #expect(name.spelling == good.text)
        #expect(name.isQualified == (good.domain != nil))
    }

    @Test("reads its own spelling back as itself", arguments: good)
    func survivesTheRoundTrip(good: Good) throws {
        let syntax = AccountNameSyntax(separator: good.separator)
        let once = try AccountName(good.text, syntax: syntax)
        let twice = try AccountName(once.description, syntax: syntax)
        #expect(twice == once)
        #expect(twice.spelling == once.spelling)
        #expect(twice.canonical == once.canonical)
        #expect(twice.form == once.form)
    }

    @Test("made of allowed parts is always read, and put together again from them")
    func partsAndWholeAgree() throws {
        var generator = SeededGenerator(seed: 20_260_921)
        let first = Array("abcXYZ_")
        let rest = Array("abcXYZ019_-.")
        for _ in 0..<2_000 {
            let user = Self.word(first: first, rest: rest, using: &generator)
            let domain = Self.word(first: first, rest: Array("abcXYZ019"), using: &generator)
            for separator in AccountNameReader.separators.map({ Character($0) }) {
                let syntax = AccountNameSyntax(separator: separator)
                let bare = try AccountName(user, syntax: syntax)
                let downLevel = try AccountName("\(domain)\(separator)\(user)", syntax: syntax)
                let principal = try AccountName("\(user)@\(domain)", syntax: syntax)
                #expect(bare.user == user && bare.domain == nil)
                #expect(downLevel.user == user && downLevel.domain == domain)
                #expect(downLevel == principal)
                #expect(downLevel != bare)
            }
        }
    }

    @Test("is never read from random bytes that contain anything but a name")
    func randomTextIsNoName() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...12, using: &generator))
                .map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
            let text = String(decoding: bytes, as: UTF8.self)
            guard let name = try? AccountName(text) else { continue }
            #expect(name.spelling == text)
            #expect(!name.user.isEmpty && name.domain?.isEmpty != true)
            #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F || $0.value == 0xFFFD })
            #expect(!text.contains(where: { ":/,*()[]{}<>|&;'\"`!?#%^=~+".contains($0) }))
            #expect(text.first != " " && text.last != " " && text.first != "-")
        }
    }

    private static func word(
        first: [Character],
        rest: [Character],
        using generator: inout SeededGenerator
    ) -> String {
        let length = Int.random(in: 0...20, using: &generator)
        let tail = (0..<length).compactMap { _ in rest.randomElement(using: &generator) }
        return String([first.randomElement(using: &generator) ?? "a"] + tail + ["z"])
    }
}
