import Impersonation
import SystemPackage
import Testing

@Suite("Accounts of two LDAP domains with the same short names", .on(.ldap), .serialized, .timeLimit(.minutes(5)))
struct LDAPAccountTests {
    @Test(
        "are those of their domain",
        arguments: [
            ("someuser@MYCORP", UInt32(20_001), [UInt32(20_500), 20_501]),
            ("someuser@mycorp", 20_001, [20_500, 20_501]),
            ("someuser@OTHER", 30_001, [30_500, 30_501]),
            ("okuser@OTHER", 30_002, [30_500]),
        ]
    )
    func accounts(name: String, userID: UInt32, groups: [UInt32]) async throws {
        let account = try #require(try await account(name))
        #expect(account.name == (try AccountName(name)))
        #expect(account.userID.rawValue == userID)
        #expect(account.groupNumbers == groups)
        #expect(try await Site().resolve(name).identity?.account.userID.rawValue == userID)
    }

    @Test(
        "do not exist in another domain, in another case, with a backslash and without a domain",
        arguments: [
            "onlyother@MYCORP", "onlymycorp@OTHER", "SomeUser@MYCORP", #"MYCORP\someuser"#, "someuser",
            "someuser@NOSUCH",
        ]
    )
    func noSuchAccount(name: String) async throws {
        #expect(try await account(name) == nil)
    }

    // With the LDAP provider SSSD reads no backslash in a name, unless its re_expression says so.
    @Test("are not found by short names, with which a site asks for domain and backslash; by full names they are")
    func shortNames() async throws {
        for site in [Site(hostDomain: "MYCORP"), Site(visibleDomains: ["MYCORP", "OTHER"])] {
            let resolution = try await site.resolve("someuser")
            #expect(resolution.badLogin?.reason == .accountNotFound)
            #expect(resolution.message.contains(#"MYCORP\someuser"#), "\(resolution.message)")
            #expect(try await site.resolve("someuser@MYCORP").identity?.account.userID.rawValue == 20_001)
        }
    }

    @Test("have all of 1,201 groups")
    func manyGroups() async throws {
        #expect(try await account("everywhere@MYCORP")?.groups.count == 1_201)
        #expect(try await account("everywhere@OTHER")?.groups.count == 1_201)
    }

    @Test(
        "have groups of their own domain",
        arguments: [("engineers@MYCORP", UInt32(20_501)), ("engineers@OTHER", 30_501)]
    )
    func groups(name: String, number: UInt32) async throws {
        let group = try await nameService().groupID(named: name)
        #expect(group?.rawValue == number)
    }

    @Test("may not act as the person of the other domain who has the same short name")
    func otherDomain() async throws {
        #expect(try await Site().resolve("someuser@MYCORP", as: "someuser@OTHER").denial?.reason == .notGranted)
        #expect(try await Site().resolve("someuser@OTHER").identity?.account.groupNumbers == [30_500, 30_501])
    }

    @Test("are unavailable while SSSD is stopped")
    func stopped() async throws {
        try await Control.forget()
        try await Control.without("sssd", isFrozen: false) {
            let error = try await failure(asking: "okuser@MYCORP")
            #expect(error.code == .unavailable)
            let alice = try await account("alice")
            #expect(alice?.groupNumbers == [2_001, 3_001, 3_002])
        }
        #expect(try await account("okuser@MYCORP")?.userID.rawValue == 20_002)
    }

    @Test(
        "are answered from memory while LDAP is away, and unavailable where nobody has asked for them",
        arguments: [true, false]
    )
    func directoryAway(isFrozen: Bool) async throws {
        try await Control.forget()
        let known = try #require(try await account("someuser@OTHER"))
        try await Control.without("directory", isFrozen: isFrozen) {
            let again = try await account("someuser@OTHER")
            #expect(again == known)
            try await Away.expect(["okuser@OTHER"], id: 30_002, group: "engineers@MYCORP")
        }
        #expect(try await account("okuser@OTHER")?.userID.rawValue == 30_002)
    }
}
