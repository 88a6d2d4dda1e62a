import Impersonation
import SystemPackage
import Testing

/// This machine has a local account `okuser`, and both domains have one.
@Suite(
    "Two LDAP domains whose accounts are all called by their short names",
    .on(.ldapShort),
    .serialized,
    .timeLimit(.minutes(5))
)
struct LDAPShortNameTests {
    @Test("run the account of the first domain that has the name")
    func firstDomain() async throws {
        try await Control.forget()
        for name in ["someuser", "someuser@MYCORP"] {
            let account = try #require(try await Site().resolve(name).identity).account
            #expect(account.name.spelling == "someuser")
            #expect(account.userID.rawValue == 20_001)
            #expect(account.groupNumbers == [20_500, 20_501])
        }
    }

    @Test("run the account of a later domain under either name, when nobody else has it")
    func laterDomain() async throws {
        for name in ["onlyother", "onlyother@OTHER"] {
            let account = try #require(try await Site().resolve(name).identity).account
            #expect(account.userID.rawValue == 30_005)
            #expect(account.groupNumbers == [30_500])
        }
    }

    @Test(
        "refuse an account whose short name leads to another domain's groups, whoever was asked for before (H1)",
        arguments: [["someuser"], ["someuser@MYCORP"], ["someuser@OTHER"], []]
    )
    func namesakeOfTheFirstDomain(asked before: [String]) async throws {
        try await Control.forget()
        for name in before { try await Control.ask(for: name, asUserID: 65_534) }
        let error = try await failure(asking: "someuser@OTHER")
        #expect(error.code == .inconsistentAnswer)
        let undecided = await #expect(throws: ResolutionError.self) { try await Site().resolve("someuser@OTHER") }
        #expect(undecided?.code == .directoryInconsistent)
    }

    @Test(
        "refuse the accounts of the domains whose short name a local account has (H2)",
        arguments: ["okuser@MYCORP", "okuser@OTHER"]
    )
    func localNamesake(name: String) async throws {
        try await Control.forget()
        let error = try await failure(asking: name)
        #expect(error.code == .inconsistentAnswer)
        #expect(error.message.contains("uid 5555"), "\(error.message)")
    }

    @Test("mean the first domain's account by a bare name for the tool, whoever was asked for before (H1)")
    func bareNameForTheTool() async throws {
        try await Control.forget()
        try await Control.ask(for: "someuser@OTHER", asUserID: 65_534)
        let decision = try await Control.explain(login: "someuser")
        #expect(decision.contains("uid=20001(someuser) gid=20500 groups=20500,20501"), "\(decision)")
    }

    @Test("run local accounts with their own groups")
    func localAccounts() async throws {
        #expect(try await Site().resolve("alice").identity?.account.groupNumbers == [2_001, 3_001, 3_002])
    }

    @Test("have groups of the first domain alone: others lead to another number", arguments: ["engineers@OTHER"])
    func groups(name: String) async throws {
        try await Control.forget()
        let directory = nameService()
        #expect(try await directory.groupID(named: "engineers@MYCORP")?.rawValue == 20_501)
        #expect(try await directory.groupID(named: "engineers")?.rawValue == 20_501)
    }
}
