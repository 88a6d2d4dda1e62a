import Impersonation
import SystemPackage
import Testing

@Suite("Decisions about accounts of a real Active Directory", .on(.winbind), .timeLimit(.minutes(5)))
struct WinbindDecisionTests {
    @Test(
        "a bare name is the account of the host domain, in either of its names",
        arguments: ["MYCORP", "mycorp", "mycorp.test"]
    )
    func hostDomain(domain: String) async throws {
        let identity = try #require(try await Site(hostDomain: domain).resolve("someuser").identity)
        #expect(identity.account.name.spelling == #"MYCORP\someuser"#)
        #expect(identity.account.userID.rawValue == 11_103)
    }

    @Test("a bare name is never a local account where there is a host domain", arguments: ["alice", "root", "daemon"])
    func noLocalAccount(name: String) async throws {
        #expect(try await Site(hostDomain: "MYCORP").resolve(name).badLogin?.reason == .accountNotFound)
    }

    @Test("a bare name is never an account of the domain where there is none to be seen")
    func noDomain() async throws {
        #expect(try await Site().resolve("someuser").badLogin?.reason == .accountNotFound)
    }

    @Test("a bare name is a local account first, then one of the first visible domain that knows it")
    func visibleDomains() async throws {
        let site = Site(visibleDomains: ["OTHER", "MYCORP"])
        let someuser = try await site.resolve("someuser")
        #expect(someuser.identity?.account.name.spelling == #"MYCORP\someuser"#)
        let steps = someuser.explanation.entries.filter { ["localAccount", "visibleDomain"].contains($0.rule) }
        #expect(steps.count == 3)
        #expect(try await site.resolve("alice").identity?.account.userID.rawValue == 2_001)
        let nobody = try await site.resolve("nosuch")
        #expect(nobody.badLogin?.message.contains(#"nosuch, OTHER\nosuch, MYCORP\nosuch"#) == true, "\(nobody.message)")
    }

    @Test(
        "every spelling of one account may act as itself without a grant",
        arguments: [
            (#"MYCORP\someuser"#, "someuser@mycorp.test"), ("SomeUser@MYCORP", #"mycorp.test\someuser"#),
            ("someuser@mycorp.test", #"MYCORP\SOMEUSER"#),
        ]
    )
    func oneAccount(login: String, requested: String) async throws {
        let resolution = try await Site().resolve(login, as: requested)
        #expect(resolution.identity?.account.userID.rawValue == 11_103, "\(resolution.message)")
    }

    @Test("no spelling of another account may be acted as without a grant", arguments: ["okuser@mycorp.test", "alice"])
    func anotherAccount(requested: String) async throws {
        let resolution = try await Site().resolve(#"MYCORP\someuser"#, as: requested)
        #expect(resolution.denial?.reason == .notGranted)
    }

    @Test("a list of groups holds for the groups of the directory, nested ones too")
    func allowedGroups() async throws {
        var site = Site()
        site.policy.accountRules = AccountRules([
            AllowedGroupsRule([.named(#"MYCORP\web team"#), .named(#"MYCORP\outer"#)])
        ])
        #expect(try await site.resolve(#"MYCORP\someuser"#).identity != nil)
        #expect(try await site.resolve(#"MYCORP\nested"#).identity != nil)
        #expect(try await site.resolve(#"MYCORP\okuser"#).denial?.reason == .notAllowedGroup)
    }

    @Test(
        "a list of denied accounts holds whatever spelling is asked for",
        arguments: ["someuser@mycorp.test", #"mycorp\Someuser"#]
    )
    func deniedAccounts(name: String) async throws {
        var site = Site()
        site.policy.accountRules = AccountRules([DeniedAccountsRule([try AccountName(#"MYCORP\someuser"#)])])
        #expect(try await site.resolve(name).denial?.reason == .deniedAccount)
    }

    @Test("the proxy account of the domain runs the jobs of everybody")
    func proxyAccount() async throws {
        var site = Site(hostDomain: "MYCORP")
        site.policy.mode = Sourced(.proxy)
        site.policy.proxyAccount = Sourced("okuser")
        let identity = try #require(try await site.resolve("nobody-at-all").identity)
        #expect(identity.account.name.spelling == #"MYCORP\okuser"#)
        #expect(identity.account.userID.rawValue == 11_104)
    }
}
