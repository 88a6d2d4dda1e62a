import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

/// This machine has a local account `okuser`, and the domain has one.
@Suite("A site where winbind leaves the domain out", .on(.winbindDefault), .serialized, .timeLimit(.minutes(5)))
struct DefaultDomainTests {
    @Test(
        "has one account under every spelling, with its short name",
        arguments: [
            "someuser", #"MYCORP\someuser"#, #"mycorp\SomeUser"#, "someuser@mycorp.test", #"mycorp.test\someuser"#,
        ]
    )
    func everySpelling(name: String) async throws {
        let account = try #require(try await account(name))
        #expect(account.name.spelling == "someuser")
        #expect(account.userID.rawValue == 11_103)
        #expect(account.groupNumbers == [10_513, 11_103, 11_115, 11_116])
        #expect(try await Site().resolve(name).identity?.account.userID.rawValue == 11_103)
    }

    @Test("does not take the short name in another case for the account", arguments: ["SomeUser", "SOMEUSER"])
    func otherCase(name: String) async throws {
        #expect(try await Site().resolve(name).identity == nil)
        #expect(try await Site(hostDomain: "MYCORP").resolve(name).identity?.account.userID.rawValue == 11_103)
    }

    @Test(
        "refuses the account of the domain whose short name a local account has, however it is asked for (H2)",
        arguments: [#"MYCORP\okuser"#, "okuser@mycorp.test", #"mycorp\OKUSER"#]
    )
    func namesakeInTheDomain(name: String) async throws {
        let error = try await failure(asking: name)
        #expect(error.code == .inconsistentAnswer)
        #expect(error.message.contains("uid 11104") && error.message.contains("uid 5555"), "\(error.message)")
        let undecided = await #expect(throws: ResolutionError.self) { try await Site().resolve(name) }
        #expect(undecided?.code == .directoryInconsistent)
        let byDomain = await #expect(throws: ResolutionError.self) {
            try await Site(hostDomain: "MYCORP").resolve("okuser")
        }
        #expect(byDomain?.code == .directoryInconsistent)
    }

    @Test("refuses it by its user id (H2)")
    func namesakeByID() async throws {
        let error = await #expect(throws: AccountDirectoryError.self) {
            try await nameService().account(withID: UserID(rawValue: 11_104))
        }
        #expect(error?.code == .inconsistentAnswer)
    }

    @Test("refuses the local account, because it would have the groups of the other (H2)")
    func localNamesake() async throws {
        let error = try await failure(asking: "okuser")
        #expect(error.code == .inconsistentAnswer)
        #expect(error.message.contains("gid 10513") || error.message.contains("gid 11104"), "\(error.message)")
        let undecided = await #expect(throws: ResolutionError.self) { try await Site().resolve("okuser") }
        #expect(undecided?.code == .directoryInconsistent)
    }

    // A daemon may say of an account what it likes; the helper asks for itself.
    @Test("refuses it through the helper too where anything depends on the groups of the other (H2)")
    func localNamesakeOfAnyDaemon() async throws {
        func outcome(_ helper: SessionHelper, _ groups: [UInt32]) async throws -> Result<LaunchedProcess, LaunchError> {
            let account = try Account.forTesting("okuser", uid: 5_555, gid: 5_556, groups: groups)
            let identity = try await ExecutionIdentity.forTesting(account: account)
            return await helper.launcher.outcome(of: SessionHelper.command("id -G"), as: identity)
        }
        let helper = try await SessionHelper()
        for group: UInt32 in [10_513, 11_104] {
            let failure = try await outcome(helper, [5_556, group]).failure
            #expect(failure?.code == .refused, "\(String(describing: failure))")
            #expect(failure?.message.contains("an account of the domain that has the same short name") == true)
        }
        let denying = try await SessionHelper(rules: ["denied-accounts = @10513"])
        #expect(try await outcome(denying, [5_556]).failure?.code == .refused)
        // Where nothing does, it has what the files give it.
        let job = try await outcome(helper, [5_556]).success
        #expect(try await job?.exitReport().standardOutput?.text == "5556\n")
    }

    @Test("runs local accounts that nobody in the domain is called like", arguments: ["alice", "bob", "manygroups"])
    func localAccounts(name: String) async throws {
        let identity = try #require(try await Site().resolve(name).identity)
        #expect(!identity.account.isGroup)
        #expect(identity.account.userID.rawValue < 3_000)
    }

    @Test(
        "refuses groups of the domain, which have short names like accounts (H5)",
        arguments: ["engineers", #"MYCORP\engineers"#, "inner"]
    )
    func groups(name: String) async throws {
        #expect(try await account(name)?.isGroup == true)
        #expect(try await Site().resolve(name).denial?.reason == .groupAccount)
    }

    @Test(
        "has no use for accounts whose short names have blanks: bare names have none",
        arguments: [#"MYCORP\John Smith"#]
    )
    func blanks(name: String) async throws {
        let error = try await failure(asking: name)
        #expect(error.code == .inconsistentAnswer)
        #expect(error.message.contains("only names with a domain may"), "\(error.message)")
    }

    @Test("directory dead: nobody can tell whether there is an account without a domain, and who is asked for says so")
    func directoryDead() async throws {
        #expect(try await Site().resolve("nosuch").badLogin?.reason == .accountNotFound)
        try await Control.forget()
        try await Control.without("directory", isFrozen: false) {
            for name in ["someuser", "nosuch"] {
                let resolution = try await Site().resolve(name)
                #expect(resolution.badLogin?.reason == .accountUnconfirmed)
                #expect(resolution.message.contains("winbind hears from no server"), "\(resolution.message)")
            }
            let undecided = await #expect(throws: ResolutionError.self) {
                try await Site().resolve(#"MYCORP\someuser"#)
            }
            #expect(undecided?.code == .directoryUnavailable)
            #expect(try await Site().resolve("alice").identity != nil)
        }
        #expect(try await Site().resolve("someuser").identity != nil)
    }

    @Test("refuses accounts of machines, which have short names too (H5)", arguments: ["dc1$", #"MYCORP\dc1$"#])
    func machines(name: String) async throws {
        #expect(try await Site().resolve(name).denial?.reason == .machineAccount)
    }
}
