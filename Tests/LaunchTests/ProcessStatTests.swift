import Damage
import LaunchPlan
import Testing

@Suite("The line of a process in /proc")
struct ProcessStatTests {
    private static let fields =
        " S 11 12 13 0 -1 4194560 97 0 0 0 0 0 0 0 20 0 1 0 987654321 2625536 390 18446744073709551615 1 1 0 0 0 0\n"

    @Test(
        "is read the same whatever name the process has given itself",
        arguments: [
            "sleep", "", ")", "a b", ") Z 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", ") R 1 2 3 4", "(", "\n", "\r",
            // Letters that make one character with what is next to them.
            "\u{600}", "\u{110BD}", ") R 1 2 3\u{600}", "\u{301}", "e\u{301})\u{301}", "\u{200D}", "\u{1F1E6}",
            "\u{FFFD}",
        ]
    )
    func anyName(name: String) throws {
        let stat = try #require(ProcessStat(parsing: "10 (\(name))" + Self.fields))
        #expect(stat.state == UInt8(ascii: "S"))
        #expect((stat.parent, stat.group, stat.session) == (11, 12, 13))
        #expect(stat.flags == 4_194_560)
        #expect(stat.startTime == 987_654_321)
        #expect(!stat.hasEnded)
    }

    @Test("says who has ended", arguments: [("Z", true), ("X", true), ("R", false), ("D", false), ("T", false)])
    func ended(state: String, hasEnded: Bool) throws {
        let text = "10 (x)" + Self.fields.replacing(" S ", with: " \(state) ")
        #expect(try #require(ProcessStat(parsing: text)).hasEnded == hasEnded)
        // The state is that of the first thread.
        let threads = text.replacing(" 20 0 1 0 ", with: " 20 0 2 0 ")
        #expect(try #require(ProcessStat(parsing: threads)).hasEnded == false)
    }

    @Test("is nothing when it is not what the manual page says")
    func refused() {
        let whole = "10 (x)" + Self.fields
        #expect(ProcessStat(parsing: whole.replacing(")", with: "")) == nil)
        #expect(ProcessStat(parsing: whole.replacing(" 11 ", with: " x ")) == nil)
        #expect(ProcessStat(parsing: whole.replacing(" 987654321", with: " -1")) == nil)
        #expect(ProcessStat(parsing: whole.replacing(" S ", with: " SS ")) == nil)
        let start = whole.firstRange(of: " 987654321")?.upperBound ?? whole.startIndex
        for length in 0..<whole[..<start].count - 9 {
            #expect(ProcessStat(parsing: String(whole.prefix(length))) == nil)
        }
    }

    @Test("is a line or nothing for 50,000 damaged ones")
    func damaged() {
        var generator = ByteDamage(seed: 48)
        let original = Array(("10 (a) b\u{600})" + Self.fields).utf8)
        var read = 0
        for _ in 0..<50_000 {
            let bytes = generator.damage(original, with: Array(" ()\n-+0x".utf8) + [0x00, 0xD8, 0x80, 0xCC, 0xFF])
            let text = String(decoding: bytes, as: UTF8.self)
            guard let stat = ProcessStat(parsing: text) else { continue }
            read += 1
            // Whatever was read stands behind the last parenthesis.
            let rest = String(decoding: bytes.suffix(while: { $0 != UInt8(ascii: ")") }), as: UTF8.self).utf8
            let numbers = rest.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
                .map { String(Substring($0)) }
            guard numbers[0] == String(decoding: [stat.state], as: UTF8.self), Int32(numbers[1]) == stat.parent,
                Int32(numbers[3]) == stat.session, UInt64(numbers[19]) == stat.startTime
            else {
                Issue.record("\(stat) of \(bytes)")
                return
            }
        }
        #expect(read > 1_000)
        #expect(read < 49_000)
    }
}

extension [UInt8] {
    /// The bytes at the end for which something holds.
    fileprivate func suffix(while holds: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        self[(lastIndex { !holds($0) }.map { $0 + 1 } ?? 0)...]
    }
}
