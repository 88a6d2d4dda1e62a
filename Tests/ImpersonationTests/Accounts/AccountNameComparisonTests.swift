import Testing

@testable import Impersonation

@Suite("Two account names")
struct AccountNameComparisonTests {
    @Test(
        "are the same account whatever the form and case of a domain name",
        arguments: [
            ("MYCORP\\someuser", "mycorp\\SomeUser"),
            ("MYCORP\\someuser", "someuser@MYCORP"),
            ("someuser@mycorp.test", "SOMEUSER@MyCorp.Test"),
            ("MYCORP\\J\u{D6}RG", "mycorp\\j\u{F6}rg"),
        ]
    )
    func same(left: String, right: String) throws {
        let left = try AccountName(left)
        let right = try AccountName(right)
        #expect(left == right)
        #expect(Set([left, right]).count == 1)
        #expect(left.spelling != right.spelling)
    }

    @Test(
        "are different accounts where the directory could tell them apart",
        arguments: [
            ("alice", "Alice"),
            ("someuser", "MYCORP\\someuser"),
            ("someuser", "someuser@MYCORP"),
            ("MYCORP\\someuser", "OTHER\\someuser"),
            ("MYCORP\\someuser", "mycorp.test\\someuser"),
            ("MYCORP\\jose", "MYCORP\\jos\u{E9}"),
            ("MYCORP\\ab c", "MYCORP\\abc"),
        ]
    )
    func different(left: String, right: String) throws {
        #expect(try AccountName(left) != AccountName(right))
    }

    @Test("are the same account when only the separator differs")
    func separatorDoesNotMatter() throws {
        let plus = try AccountName("MYCORP+someuser", syntax: AccountNameSyntax(separator: "+"))
        #expect(try plus == AccountName("MYCORP\\someuser"))
        #expect(plus.canonical == "mycorp\\someuser")
    }
}
