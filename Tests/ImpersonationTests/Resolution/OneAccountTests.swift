import Impersonation
import ImpersonationTesting
import Testing

@Suite("Two names are one account")
struct OneAccountTests {
    /// A site whose directory answers the principal name with the down-level one, as winbind does.
    static func winbind(grants: [Grant] = []) async throws -> Site {
        let site = try await Site(.user, grants: grants)
        let account = try Account.forTesting(#"MYCORP\someuser"#, uid: 11_103)
        site.directory.answer(try AccountName("someuser@mycorp.test"), with: account)
        return site
    }

    @Test("when the directory answers both with the same canonical name and user id")
    func sameAnswer() async throws {
        let site = try await Self.winbind()
        let resolution = try await site.resolve(#"MYCORP\someuser"#, as: "someuser@mycorp.test")
        #expect(resolution.runsAs == #"MYCORP\someuser"#)
        #expect(resolution.decidedBy?.rule == "selfAllowed")
        #expect(
            resolution.decidedBy?.text
                == #"MYCORP\someuser and someuser@mycorp.test are one account, and it may always act as itself; "#
                + #"the job runs as MYCORP\someuser (uid 11103)"#
        )
        #expect(try await site.resolve("someuser@mycorp.test", as: #"mycorp\SomeUser"#).runsAs == #"MYCORP\someuser"#)
    }

    @Test("not as long as the login may be of a domain that was asked before the one that knows it")
    func doubtOnTheWay() async throws {
        let site = try await Site(.user) { $0.visibleDomains = Sourced(["A", "MYCORP"]) }
        #expect(try await site.resolve("someuser", as: #"MYCORP\someuser"#).decidedBy?.rule == "selfAllowed")
        site.directory.doubtAbsence(["SSSD does not tell; install its InfoPipe"])
        let resolution = try await site.resolve("someuser", as: #"MYCORP\someuser"#)
        #expect(resolution.badLogin?.reason == .accountUnconfirmed)
        #expect(resolution.decidedBy?.rule == "accountUnconfirmed")
        #expect(resolution.message.contains(#"so MYCORP\someuser may be somebody else"#))
    }

    @Test("not when only the user id is the same", arguments: [("bob", "bob2"), ("bob2", "bob")])
    func sameUserID(login: String, requested: String) async throws {
        #expect(try await Site(.user).resolve(login, as: requested).denial?.reason == .notGranted)
    }

    @Test("not when only the short name is the same", arguments: [#"OTHER\someuser"#, "someuser"])
    func sameShortName(requested: String) async throws {
        let site = try await Self.winbind()
        #expect(try await site.resolve(#"MYCORP\someuser"#, as: requested).denial?.reason == .notGranted)
    }

    @Test("not when the user parts and the user ids are the same, but the domains are two")
    func sameUserIDInAnotherDomain() async throws {
        let site = try await Site(.user)
        site.directory.add(try .forTesting(#"LAB\someuser"#, uid: 11_103, groups: [3_001]))
        let resolution = try await site.resolve(#"MYCORP\someuser"#, as: #"LAB\someuser"#)
        #expect(resolution.denial?.reason == .notGranted)
    }

    @Test("not when the canonical name is the same, but the user ids are two")
    func sameNameWithTwoUserIDs() async throws {
        let site = try await Self.winbind()
        let other = try Account.forTesting(#"MYCORP\someuser"#, uid: 11_999)
        site.directory.answer(try AccountName("someuser@mycorp.test"), with: other)
        let resolution = try await site.resolve(#"MYCORP\someuser"#, as: "someuser@mycorp.test")
        #expect(resolution.denial?.reason == .notGranted)
    }

    @Test("not when the directory answers with an account that neither asked for")
    func neitherAskedFor() async throws {
        let site = try await Site(.user)
        let bob = try Account.forTesting("bob", uid: 2_002)
        site.directory.answer(try AccountName(#"A\x"#), with: bob)
        site.directory.answer(try AccountName(#"B\x"#), with: bob)
        #expect(try await site.resolve(#"A\x"#, as: #"B\x"#).denial?.reason == .notGranted)
    }

    @Test("and when the directory fails to tell, nothing runs")
    func directoryFails() async throws {
        let site = try await Self.winbind()
        site.directory.failEverything()
        let error = try await site.failure(#"MYCORP\someuser"#, as: "someuser@mycorp.test")
        #expect(error?.code == .directoryUnavailable)
    }

    @Test("when the host domain makes them one, without asking anybody")
    func hostDomain() async throws {
        var site = try await Site(.user) { $0.hostDomain = Sourced("MYCORP") }
        site.registry = UnreachableProxyRegistry()
        #expect(try await site.resolve("someuser", as: #"mycorp\SomeUser"#).runsAs == #"MYCORP\someuser"#)
        #expect(try await site.resolve(#"MYCORP\someuser"#, as: "someuser").runsAs == #"MYCORP\someuser"#)
    }

    @Test(
        "under the host domain, so a grant written for either spelling holds for both",
        arguments: [("alice", "someuser"), (#"MYCORP\alice"#, #"MYCORP\someuser"#), ("alice", #"MYCORP\someuser"#)]
    )
    func grantSpellings(login: String, account: String) async throws {
        var site = try await Site(.user, grants: [.of(login, account)]) { $0.hostDomain = Sourced("MYCORP") }
        for asking in ["alice", #"MYCORP\alice"#] {
            for asked in ["someuser", #"MYCORP\someuser"#] {
                #expect(try await site.resolve(asking, as: asked).runsAs == #"MYCORP\someuser"#)
            }
        }
        #expect(try await site.resolve(#"OTHER\alice"#, as: "someuser").denial?.reason == .notGranted)
        site.policy.hostDomain = Sourced("OTHER")
        let isBare = login == "alice" && account == "someuser"
        let elsewhere = try await site.resolve(#"OTHER\alice"#, as: #"OTHER\someuser"#)
        #expect(elsewhere.runsAs == (isBare ? #"OTHER\someuser"# : nil))
    }

    @Test("under the host domain, so no spelling of a proxy account may proxy")
    func chainSpellings() async throws {
        let site = try await Site(.user, grants: [.of("carol", "someuser"), .of(#"MYCORP\someuser"#, "bob")]) {
            $0.hostDomain = Sourced("MYCORP")
        }
        for login in ["someuser", #"MYCORP\someuser"#] {
            #expect(try await site.resolve(login, as: "bob").denial?.reason == .proxyMayNotProxy)
        }
        #expect(try await site.resolve(#"MYCORP\qubeproxy"#, as: "bob").denial?.reason == .proxyMayNotProxy)
    }

    @Test("under the host domain, so two spellings with two bindings act as neither")
    func bindingSpellings() async throws {
        let site = try await Site(.user, grants: [.of("alice", "someuser"), .of(#"MYCORP\alice"#, "qubeproxy")]) {
            $0.hostDomain = Sourced("MYCORP")
            $0.proxyAccount = Sourced("render_user")
        }
        try await site.bind("alice", to: "someuser")
        #expect(try await site.resolve(#"MYCORP\alice"#).runsAs == #"MYCORP\someuser"#)
        try await site.bind(#"MYCORP\alice"#, to: "qubeproxy")
        for login in ["alice", #"MYCORP\alice"#] {
            #expect(try await site.resolve(login).denial?.reason == .boundToAnotherAccount)
        }
    }
}
