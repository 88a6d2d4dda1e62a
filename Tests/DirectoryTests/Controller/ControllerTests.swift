import Impersonation
import SystemPackage
import Testing

@Suite("Accounts on a domain controller itself", .on(.controller), .timeLimit(.minutes(5)))
struct ControllerTests {
    @Test("the administrator of the domain is the superuser there, and is refused by his number (H4)")
    func administrator() async throws {
        for name in [#"MYCORP\administrator"#, #"mycorp\Administrator"#] {
            #expect(try await account(name)?.userID.rawValue == 0)
            #expect(try await Site().resolve(name).denial?.reason == .superuser)
        }
        let byDomain = try await Site(hostDomain: "MYCORP").resolve("administrator")
        #expect(byDomain.denial?.reason == .superuser)
    }

    @Test("the administrator is refused as the account of another login and as the proxy account (H4)")
    func administratorForOthers() async throws {
        var site = Site(hostDomain: "MYCORP")
        try await site.registry.add(
            Grant(login: AccountName("someuser"), account: AccountName(#"MYCORP\administrator"#))
        )
        #expect(try await site.resolve("someuser", as: #"MYCORP\administrator"#).denial?.reason == .superuser)
        site.policy.mode = Sourced(.proxy)
        site.policy.proxyAccount = Sourced("administrator")
        #expect(try await site.resolve("someuser").denial?.reason == .superuser)
    }

    @Test("a person of the domain is one under names with the domain")
    func person() async throws {
        let account = try #require(try await account(#"MYCORP\someuser"#))
        #expect(account.userID.rawValue >= 3_000_000)
        #expect(account.groupID.rawValue == 100)
        #expect(try await Site().resolve(#"mycorp\SomeUser"#).identity?.account.userID == account.userID)
    }

    @Test("a user principal name is not known there")
    func principalName() async throws {
        #expect(try await account("someuser@mycorp.test") == nil)
    }

    @Test("a bare name that the controller quietly puts into its domain is not the account that was asked for")
    func bareName() async throws {
        #expect(try await account("someuser")?.name.isQualified == true)
        #expect(try await Site().resolve("someuser").denial?.reason == .nameMismatch)
        #expect(try await Site(hostDomain: "MYCORP").resolve("someuser").identity != nil)
    }

    @Test(
        "groups of the domain and of the machine are refused (H5)",
        arguments: [#"MYCORP\engineers"#, #"MYCORP\web team"#, #"BUILTIN\Administrators"#, #"BUILTIN\users"#]
    )
    func groups(name: String) async throws {
        let resolution = try await Site().resolve(name)
        #expect(resolution.denial?.reason == .groupAccount, "\(resolution.message)")
    }
}
