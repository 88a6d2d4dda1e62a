import Impersonation
import SystemPackage
import Testing

@Suite("What winbind answers and nobody may run as", .on(.winbind), .serialized, .timeLimit(.minutes(5)))
struct WinbindHazardTests {
    @Test(
        "a group of the domain, which has a user id, a home and a shell, is refused (H5)",
        arguments: [#"MYCORP\engineers"#, #"MYCORP\Web Team"#, #"MYCORP\nobody in it"#, #"MYCORP\domain users"#]
    )
    func groups(name: String) async throws {
        let group = try #require(try await account(name))
        #expect(group.isGroup)
        #expect(group.userID.rawValue == group.groupID.rawValue)
        let resolution = try await Site().resolve(name)
        #expect(resolution.denial?.reason == .groupAccount, "\(resolution.message)")
        let byID = try await nameService().account(withID: group.userID)
        #expect(byID?.isGroup == true)
    }

    @Test("a group is refused as the account of another login, and as the proxy account of a domain")
    func groupsOfOthers() async throws {
        var site = Site(hostDomain: "MYCORP")
        let engineers = try AccountName(#"MYCORP\engineers"#)
        try await site.registry.add(Grant(login: AccountName("someuser"), account: engineers))
        #expect(try await site.resolve("someuser", as: #"MYCORP\engineers"#).denial?.reason == .groupAccount)
        site.policy.mode = Sourced(.proxy)
        site.policy.proxyAccount = Sourced("engineers")
        #expect(try await site.resolve("someuser").denial?.reason == .groupAccount)
    }

    @Test(
        "the account of a machine is refused under every spelling (H5)",
        arguments: [#"MYCORP\dc1$"#, #"mycorp\DC1$"#, "dc1$@mycorp.test", #"MYCORP\winbind$"#]
    )
    func machines(name: String) async throws {
        let resolution = try await Site().resolve(name)
        #expect(resolution.denial?.reason == .machineAccount, "\(resolution.message)")
    }

    @Test(
        "the account of the Kerberos service is refused, though it looks like any other (H5)",
        arguments: [#"MYCORP\krbtgt"#, #"mycorp\KRBTGT"#, "krbtgt@mycorp.test"]
    )
    func kerberosService(name: String) async throws {
        let resolution = try await Site().resolve(name)
        #expect(resolution.denial?.reason == .machineAccount, "\(resolution.message)")
    }

    @Test("the guest of the domain is an account as any other, which a site may deny")
    func guest() async throws {
        var site = Site()
        #expect(try await site.resolve(#"MYCORP\guest"#).identity?.account.userID.rawValue == 10_501)
        site.policy.accountRules.additional.append(
            DeniedAccountsRule([try AccountName(#"MYCORP\guest"#)], from: .program)
        )
        #expect(try await site.resolve(#"MYCORP\Guest"#).denial?.reason == .deniedAccount)
    }

    @Test("the account of a machine is not there without its dollar sign (H5)")
    func machineWithoutItsSign() async throws {
        #expect(try await Site().resolve(#"MYCORP\dc1"#).badLogin?.reason == .accountNotFound)
    }

    @Test(
        "a name with a blank at its edge, which winbind takes and remembers for everybody, is refused before it is asked (H3)",
        arguments: [#"MYCORP\ okuser"#, #"MYCORP\okuser "#, " okuser@mycorp.test"]
    )
    func blanks(name: String) async throws {
        #expect(try await Site().resolve(name).denial?.reason == .invalidAccountName)
    }

    @Test("a name that somebody else has put a blank into is refused when winbind answers with it (H3)")
    func poisoned() async throws {
        try await Control.forget()
        try await Control.ask(for: #"MYCORP\ okuser"#, asUserID: 65_534)
        let error = try await failure(asking: #"MYCORP\okuser"#)
        #expect(error.code == .inconsistentAnswer)
        #expect(error.message.contains("begins with a blank"), "\(error.message)")
        let refusal = await #expect(throws: ResolutionError.self) { try await Site().resolve("okuser@mycorp.test") }
        #expect(refusal?.code == .directoryInconsistent)

        try await Control.forget()
        #expect(try await account(#"MYCORP\okuser"#)?.name.spelling == #"MYCORP\okuser"#)
    }

    @Test("an account that was deleted and made anew is not the one that was pinned (H6)")
    func pinnedAccount() async throws {
        let name = #"MYCORP\replaced"#
        let before = try #require(try await account(name)).userID
        #expect(try await Site().resolve(name, pinned: before).identity?.account.userID == before)

        try await Control.onDirectory("samba-tool", "user", "delete", "replaced")
        try await Control.onDirectory("samba-tool", "user", "create", "replaced", "Passw0rd!1")
        try await Control.forget()

        let after = try #require(try await account(name)).userID
        #expect(after != before)
        let resolution = try await Site().resolve(name, pinned: before)
        #expect(resolution.denial?.reason == .userIDMismatch, "\(resolution.message)")
        #expect(try await Site().resolve(name, pinned: after).identity?.account.userID == after)
        #expect(try await nameService().account(withID: before) == nil)
    }

    @Test("what winbind still takes for the deleted account is not the one that was pinned anew (H6)")
    func staleAccount() async throws {
        let name = #"MYCORP\replaced"#
        let before = try #require(try await account(name)).userID
        try await Control.onDirectory("samba-tool", "user", "delete", "replaced")
        try await Control.onDirectory("samba-tool", "user", "create", "replaced", "Passw0rd!1")
        // Another host, which had not heard of the old one, pins the new one: relative ids go up.
        let after = UserID(rawValue: before.rawValue + 1)
        let resolution = try await Site().resolve(name, pinned: after)
        #expect(resolution.identity == nil || resolution.identity?.account.userID == after)
        try await Control.forget()
        #expect(try #require(try await account(name)).userID != before)
    }
}
