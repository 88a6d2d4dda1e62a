import Testing

@testable import Impersonation

@Suite("What a bare name means")
struct AccountNamingTests {
    @Test(
        "The host domain takes bare names and no others",
        arguments: [
            (nil, "alice", "alice"), ("", "alice", "alice"), ("MYCORP", "alice", #"MYCORP\alice"#),
            ("MYCORP", #"OTHER\alice"#, #"OTHER\alice"#), ("MYCORP", "alice@mycorp.test", "alice@mycorp.test"),
        ] as [(String?, String, String)]
    )
    func qualified(hostDomain: String?, name: String, becomes: String) throws {
        #expect(try AccountNaming(hostDomain: hostDomain).qualified(AccountName(name)).spelling == becomes)
    }

    @Test(
        "Under a host domain two spellings mean one account",
        arguments: [
            (nil, "alice", ["alice"]), ("MYCORP", "alice", ["alice", #"MYCORP\alice"#]),
            ("MYCORP", #"mycorp\alice"#, [#"mycorp\alice"#, "alice"]), ("MYCORP", #"OTHER\alice"#, [#"OTHER\alice"#]),
            ("MYCORP", #"MYCORP\John Smith"#, [#"MYCORP\John Smith"#]),
        ] as [(String?, String, [String])]
    )
    func spellings(hostDomain: String?, name: String, spellings: [String]) throws {
        let naming = AccountNaming(hostDomain: hostDomain)
        #expect(try naming.spellings(of: AccountName(name)).map(\.spelling) == spellings)
    }

    @Test("A host domain that is none makes no names")
    func invalid() throws {
        let alice = try AccountName("alice")
        #expect(throws: AccountNameError.self) { try AccountNaming(hostDomain: "MY CORP").qualified(alice) }
        #expect(AccountNaming(hostDomain: "MY CORP").spellings(of: alice) == [alice])
    }
}
