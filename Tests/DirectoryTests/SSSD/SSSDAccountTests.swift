import Impersonation
import SystemPackage
import Testing

@Suite("Accounts of a real Active Directory by SSSD", .on(.sssd), .serialized, .timeLimit(.minutes(5)))
struct SSSDAccountTests {
    @Test(
        "are one account under every spelling, with its canonical name",
        arguments: [
            #"MYCORP\someuser"#, #"mycorp\SomeUser"#, #"mycorp.test\someuser"#, "someuser@mycorp.test",
            "someuser@MYCORP",
        ]
    )
    func everySpelling(name: String) async throws {
        let account = try #require(try await account(name))
        #expect(account.name.spelling == "someuser@mycorp.test")
        #expect(account.userID.rawValue == 1_940_601_103)
        #expect(account.groupID.rawValue == 1_940_600_513)
        #expect(account.groupNumbers == [1_940_600_513, 1_940_601_115, 1_940_601_116])
        #expect(account.homeDirectory == "/bed/home/mycorp.test/someuser")
        #expect(try await Site().resolve(name).identity?.account.userID == account.userID)
    }

    @Test("do not exist under the short name and when nobody made them", arguments: ["someuser", #"MYCORP\nosuch"#])
    func noSuchAccount(name: String) async throws {
        #expect(try await account(name) == nil)
    }

    @Test("of a domain that SSSD does not know are unavailable, with an error number that no system has")
    func unknownDomain() async throws {
        let error = try await failure(asking: #"OTHER\someuser"#)
        #expect(error.code == .unavailable)
        #expect(error.errno == Errno(rawValue: 1_432_158_245))
    }

    @Test("have all of 1,201 groups, and those that their groups belong to")
    func groups() async throws {
        #expect(try await account(#"MYCORP\everywhere"#)?.groups.count == 1_201)
        let nested = try #require(try await account("nested@mycorp.test"))
        #expect(nested.groupNumbers == [1_940_600_513, 1_940_601_120, 1_940_601_121])
    }

    @Test(
        "have groups by name in either spelling",
        arguments: [#"MYCORP\engineers"#, "engineers@mycorp.test", "Engineers@MYCORP"]
    )
    func groupsByName(name: String) async throws {
        let group = try await nameService().groupID(named: name)
        #expect(group?.rawValue == 1_940_601_115)
    }

    @Test(
        "are no groups: SSSD gives none for an account (H5)",
        arguments: [#"MYCORP\engineers"#, "web team@mycorp.test"]
    )
    func groupsAsAccounts(name: String) async throws {
        #expect(try await account(name) == nil)
    }

    @Test(
        "are refused when they are a machine's or the Kerberos service's (H5)",
        arguments: [#"MYCORP\dc1$"#, "dc1$@mycorp.test", "krbtgt@mycorp.test"]
    )
    func machines(name: String) async throws {
        #expect(try await Site().resolve(name).denial?.reason == .machineAccount)
    }

    @Test("are not poisoned by a name with a blank, which SSSD does not take (H3)")
    func blanks() async throws {
        try await Control.forget()
        try await Control.ask(for: #"MYCORP\ okuser"#, asUserID: 65_534)
        try await Control.ask(for: " okuser@mycorp.test", asUserID: 65_534)
        #expect(try await account(#"MYCORP\okuser"#)?.name.spelling == "okuser@mycorp.test")
    }

    @Test("are found by a bare name in the host domain, and in a visible one after the local accounts")
    func bareNames() async throws {
        let site = Site(visibleDomains: ["mycorp.test"])
        #expect(
            try await Site(hostDomain: "MYCORP").resolve("someuser").identity?.account.userID.rawValue == 1_940_601_103
        )
        #expect(try await site.resolve("someuser").identity?.account.userID.rawValue == 1_940_601_103)
        #expect(try await site.resolve("alice").identity?.account.userID.rawValue == 2_001)
    }

    @Test("that were deleted and made anew are not those that were pinned (H6)")
    func pinnedAccount() async throws {
        let name = "replaced@mycorp.test"
        let before = try #require(try await account(name)).userID
        try await Control.onDirectory("samba-tool", "user", "delete", "replaced")
        try await Control.onDirectory("samba-tool", "user", "create", "replaced", "Passw0rd!1")
        try await Control.forget()
        let after = try #require(try await account(name)).userID
        #expect(after != before)
        #expect(try await Site().resolve(name, pinned: before).denial?.reason == .userIDMismatch)
        #expect(try await Site().resolve(name, pinned: after).identity?.account.userID == after)
    }
}
