import Testing

@testable import Impersonation

@Suite("What cannot be the name of an account")
struct AccountNameRefusalTests {
    struct Evil: Sendable, CustomTestStringConvertible {
        var text: String
        var reason: String
        var syntax = AccountNameSyntax.standard

        init(_ text: String, _ reason: String, separator: Character = "\\", principals: Bool = true) {
            self.text = text
            self.reason = reason
            self.syntax = AccountNameSyntax(separator: separator, acceptsPrincipalNames: principals)
        }

        var testDescription: String { text.debugDescription }
    }

    static let numbers: [Evil] = [
        Evil("0", "reads as a number"),
        Evil("00", "reads as a number"),
        Evil("1000", "reads as a number"),
        Evil("0x0", "reads as a number"),
        Evil("0X3E8", "reads as a number"),
        Evil("0xdeadbeef", "reads as a number"),
        Evil("1e3", "reads as a number"),
        Evil("1.0", "reads as a number"),
        Evil("1_000", "reads as a number"),
        Evil("65535", "reads as a number"),
        Evil("4294967295", "reads as a number"),
        Evil("4294967296", "reads as a number"),
        Evil("18446744073709551616", "reads as a number"),
        Evil("0day", "begins with a digit"),
        Evil("3dsmax", "begins with a digit"),
        Evil("1root", "begins with a digit"),
        Evil("-1", "begins with '-'"),
        Evil("+0", "begins with '+'"),
        Evil("#0", "begins with '#'"),
        Evil("#-1", "begins with '#'"),
        Evil("MYCORP\\0", "its user part reads as a number"),
        Evil("MYCORP\\0x0", "its user part reads as a number"),
        Evil("0@mycorp.test", "its user part reads as a number"),
        Evil("someuser@0", "its domain reads as a number"),
        Evil("someuser@127.0.0.1", "its domain reads as a number"),
        Evil("\u{FF10}", "contains U+FF10"),
        Evil("\u{0660}", "contains U+0660"),
    ]

    static let options: [Evil] = [
        Evil("-e", "begins with '-'"),
        Evil("--", "begins with '-'"),
        Evil("-", "begins with '-'"),
        Evil("--login", "begins with '-'"),
        Evil("+", "begins with '+'"),
        Evil("+alice", "begins with '+'"),
        Evil("#", "begins with '#'"),
        Evil("MYCORP\\-e", "its user part begins with '-'"),
        Evil("-MYCORP\\e", "its domain begins with '-'"),
        Evil("e@-mycorp.test", "its domain begins with '-'"),
    ]

    static let blanks: [Evil] = [
        Evil("", "it is empty"),
        Evil(" ", "begins with a blank"),
        Evil(" root", "begins with a blank"),
        Evil("root ", "ends in a blank"),
        Evil("john smith", "contains a blank"),
        Evil("MYCORP\\ okuser", "its user part begins with a blank"),
        Evil("MYCORP\\okuser ", "its user part ends in a blank"),
        Evil(" MYCORP\\okuser", "its domain begins with a blank"),
        Evil("MYCORP \\okuser", "its domain ends in a blank"),
        Evil("MY CORP\\okuser", "its domain contains ' '"),
        Evil("okuser @mycorp.test", "its user part ends in a blank"),
        Evil("okuser@ mycorp.test", "its domain begins with a blank"),
        Evil("MYCORP\\John  Smith", "two blanks in a row"),
        Evil("root\u{A0}", "blank U+00A0"),
        Evil("MYCORP\\John\u{A0}Smith", "blank U+00A0"),
        Evil("ro\u{3000}ot", "blank U+3000"),
    ]

    static let controls: [Evil] = [
        Evil("root\n", "control character U+000A at position 5"),
        Evil("\nroot", "control character U+000A at position 1"),
        Evil("root\r\n", "control character U+000D at position 5"),
        Evil("ro\tot", "control character U+0009"),
        Evil("root\u{0}", "control character U+0000"),
        Evil("\u{0}", "control character U+0000"),
        Evil("root\u{0}alice", "control character U+0000"),
        Evil("\u{1B}[31mroot", "control character U+001B"),
        Evil("root\u{7F}", "control character U+007F"),
        Evil("root\u{9B}", "control character U+009B"),
        Evil("root\u{2028}", "control character U+2028"),
        Evil("MYCORP\\some\nuser", "control character U+000A"),
    ]

    static let invisible: [Evil] = [
        Evil("ro\u{200B}ot", "invisible character U+200B"),
        Evil("ro\u{200D}ot", "invisible character U+200D"),
        Evil("\u{202E}toor", "invisible character U+202E"),
        Evil("\u{2066}root", "invisible character U+2066"),
        Evil("\u{FEFF}root", "invisible character U+FEFF"),
        Evil("ro\u{AD}ot", "invisible character U+00AD"),
        Evil("MYCORP\\\u{202E}resu", "invisible character U+202E"),
        Evil("MYCORP\\\u{3164}", "U+3164, which passes for another letter"),
        Evil("root\u{E000}", "U+E000 at position 5, which is no character"),
        Evil("root\u{FFFD}", "was not valid UTF-8"),
        Evil("MYCORP\\us\u{FFFD}er", "was not valid UTF-8"),
    ]

    static let lookalikes: [Evil] = [
        Evil("\u{FF52}oot", "U+FF52, which passes for another letter"),
        Evil("MYCORP\\\u{FF41}lice", "U+FF41, which passes for another letter"),
        Evil("jos\u{E9}", "contains U+00E9"),
        Evil("MYCORP\\jose\u{301}", "contains U+0301"),
        Evil("MYCORP\\\u{430}lice", "mixes alphabets"),
        Evil("MYC\u{41E}RP\\alice", "its domain mixes alphabets"),
        Evil("\u{430}lice", "contains U+0430"),
        Evil("MYCORP\\\u{212A}ate", "U+212A, which passes for another letter"),
        Evil("MYCORP\\stra\u{DF}e", "U+00DF, which passes for another letter"),
        Evil("MYCORP\\\u{FB01}ona", "U+FB01, which passes for another letter"),
        Evil("MYCORP\\o\u{2BC}brien", "U+02BC, which passes for another letter"),
        Evil("MYCORP\\\u{1D41A}lice", "U+1D41A, which passes for another letter"),
        Evil("MYCORP\\\u{1100}\u{1161}", "U+1100, which passes for another letter"),
        Evil("MYCORP\u{FF3C}alice", "contains U+FF3C"),
        Evil("root\u{1F600}", "contains U+1F600"),
    ]

    static let punctuation: [Evil] = [
        Evil("a:b", "contains ':'"),
        Evil("root:x:0:0", "contains ':'"),
        Evil("a/b", "contains '/'"),
        Evil("/etc/passwd", "contains '/'"),
        Evil("../root", "begins with '.'"),
        Evil(".", "begins with '.'"),
        Evil("..", "begins with '.'"),
        Evil(".alice", "begins with '.'"),
        Evil("alice.", "ends in '.'"),
        Evil("MYCORP\\..", "its user part begins with '.'"),
        Evil("MYCORP\\alice.", "its user part ends in '.'"),
        Evil("alice@mycorp.test.", "its domain ends in '.'"),
        Evil("alice@mycorp..test", "empty label"),
        Evil("alice@mycorp-", "ends in '-'"),
        Evil("a,b", "contains ','"),
        Evil("*", "contains '*'"),
        Evil("(cn=*)", "contains '('"),
        Evil("alice)(uid=*", "contains ')'"),
        Evil("'root'", "contains '''"),
        Evil("\"root\"", "contains '\"'"),
        Evil("o'brien@mycorp.test", "contains '''"),
        Evil("`id`", "contains '`'"),
        Evil("$(id)", "begins with '$'"),
        Evil("$HOME", "begins with '$'"),
        Evil("$", "begins with '$'"),
        Evil("a$b", "contains '$' before its end"),
        Evil("host$$", "contains '$' before its end"),
        Evil("MYCORP\\a$b", "contains '$' before its end"),
        Evil("MY$\\alice", "its domain contains '$'"),
        Evil("a;b", "contains ';'"),
        Evil("a|b", "contains '|'"),
        Evil("a&b", "contains '&'"),
        Evil("a>b", "contains '>'"),
        Evil("a!b", "contains '!'"),
        Evil("a%b", "contains '%'"),
        Evil("a=b", "contains '='"),
        Evil("a#b", "contains '#'"),
        Evil("~root", "contains '~'"),
        Evil("a?b", "contains '?'"),
        Evil("[a]", "contains '['"),
        Evil("{a}", "contains '{'"),
    ]

    static let structure: [Evil] = [
        Evil("\\user", "its domain is empty"),
        Evil("DOMAIN\\", "its user part is empty"),
        Evil("\\", "its domain is empty"),
        Evil("@domain", "its user part is empty"),
        Evil("user@", "its domain is empty"),
        Evil("@", "its domain is empty"),
        Evil("MYCORP\\\\user", "contains '\\' 2 times"),
        Evil("A\\B\\user", "contains '\\' 2 times"),
        Evil("user@a@b", "contains '@' 2 times"),
        Evil("user@@mycorp.test", "contains '@' 2 times"),
        Evil("MYCORP\\user@mycorp.test", "contains both"),
        Evil("MYCORP+user", "contains '+'"),
        Evil("MYCORP/user", "contains '/'"),
        Evil("MYCORP\\user", "this site writes DOMAIN+user", separator: "+"),
        Evil("MYCORP+dom\\user", "this site writes DOMAIN+user", separator: "+"),
        Evil("MYCORP++user", "contains '+' 2 times", separator: "+"),
        Evil("user@mycorp.test", "contains '@'", principals: false),
        Evil("alice", "the separator of account names is set to 'x'", separator: "x"),
        Evil("alice", "the separator of account names is set to ' '", separator: " "),
        Evil("alice", "the separator of account names is set to '@'", separator: "@"),
        Evil("alice", "the separator of account names is set to '.'", separator: "."),
        Evil("alice", "the separator of account names is set to ':'", separator: ":"),
        Evil("alice", "the separator of account names is set to '\\u{A}'", separator: "\n"),
        Evil(String(repeating: "a", count: 256), "it has 256 bytes, at most 255 are possible"),
        Evil(String(repeating: "a", count: 300), "it has 300 bytes"),
        Evil("MYCORP\\" + String(repeating: "\u{E9}", count: 125), "it has 257 bytes"),
    ]

    @Test(
        "is refused for the reason it is refused for",
        arguments: numbers + options + blanks + controls + invisible + lookalikes + punctuation + structure
    )
    func isRefused(evil: Evil) throws {
        let error = try #require(throws: AccountNameError.self) { try AccountName(evil.text, syntax: evil.syntax) }
        #expect(error.message.contains(evil.reason))
    }

    @Test(
        "is named in an error that contains nothing unprintable",
        arguments: controls + invisible + lookalikes
    )
    func errorIsPrintable(evil: Evil) throws {
        let error = try #require(throws: AccountNameError.self) { try AccountName(evil.text, syntax: evil.syntax) }
        for scalar in error.description.unicodeScalars {
            let isGraphic = (0x20...0x7E).contains(scalar.value)
            #expect(isGraphic || scalar.isUnambiguousLetter, "\(scalar.notation) in the description")
        }
    }

    @Test("is quoted with its unprintable characters escaped, and cut when overlong")
    func errorQuotesTheText() throws {
        let escaped = try #require(throws: AccountNameError.self) { try AccountName("\u{1B}[2J\u{202E}root\n") }
        #expect(escaped.text == "\\u{1B}[2J\\u{202E}root\\u{A}")
        let cut = try #require(throws: AccountNameError.self) {
            try AccountName(String(repeating: "\n", count: 1_000_000))
        }
        #expect(cut.text.utf8.count < 500)
        #expect(cut.text.hasSuffix("..."))
    }
}
