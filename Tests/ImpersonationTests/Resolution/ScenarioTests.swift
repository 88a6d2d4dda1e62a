import FoundationEssentials
import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

/// The scenarios of Qube!'s and Linkis's documentation that end in a decision, by the numbers they have in the project.
@Suite("As whom a job runs, scenario by scenario")
struct ScenarioTests {
    @Test("1: nothing is configured, so the job of alice runs as qubeproxy, because of proxy mode")
    func emptyConfiguration() async throws {
        let resolution = try await Site().resolve("alice")
        #expect(resolution.runsAs == "qubeproxy")
        #expect(resolution.identity?.login == (try AccountName("alice")))
        #expect(resolution.identity?.mode == .proxy)
        #expect(resolution.identity?.method == .switchAccount)
        #expect(resolution.identity?.account.groups.map(\.rawValue) == [2_100, 3_003])
        #expect(resolution.rules == ["proxyMode", "minimumUserID", "proxyAccount"])
        #expect(resolution.explanation.alternatives == ["with proxy_execution_mode = user: alice"])
    }

    @Test("2: in user mode the job of alice runs as alice")
    func userMode() async throws {
        let resolution = try await Site(.user).resolve("alice")
        #expect(resolution.runsAs == "alice")
        #expect(resolution.identity?.account.groups.map(\.rawValue) == [2_001, 3_001, 3_002])
        #expect(resolution.rules == ["userMode", "minimumUserID", "selfAllowed"])
    }

    @Test(
        "3: in user mode proxy_account has no influence, not even when it is nonsense",
        arguments: ["render_user", #"MyCorp\render_user"#, "", "no such account", "root"]
    )
    func proxyAccountInUserMode(proxyAccount: String) async throws {
        let site = try await Site(.user) { $0.proxyAccount = Sourced(proxyAccount, from: Site.line(2)) }
        #expect(try await site.resolve("alice").runsAs == "alice")
    }

    @Test("4: in proxy mode the job runs as proxy_account, although it names bob")
    func proxyMode() async throws {
        let site = try await Site(.proxy) { $0.proxyAccount = Sourced("render_user", from: Site.line(2)) }
        let resolution = try await site.resolve("alice", as: "bob")
        #expect(resolution.runsAs == "render_user")
        #expect(resolution.identity?.login.spelling == "alice")
        #expect(resolution.rules == ["proxyMode", "requestedAccountIgnored", "minimumUserID", "proxyAccount"])
        #expect(resolution.decidedBy?.source.description == "/etc/qb.conf:2")
        #expect(
            resolution.explanation.alternatives == [
                "with proxy_execution_mode = user: bob, if alice may act as that account"
            ]
        )
    }

    @Test("6: in proxy mode a grant for bob changes nothing, and the registry is not even asked")
    func grantInProxyMode() async throws {
        var site = try await Site(.proxy)
        let registry = FixedProxyRegistry { login in
            ProxyStanding(
                login: login,
                grants: [try .of("alice", "bob")],
                binding: Binding(login: login, account: try AccountName("bob"), since: Site.now),
                isProxyAccount: false
            )
        }
        site.registry = registry
        #expect(try await site.resolve("alice", as: "bob").runsAs == "qubeproxy")
        #expect(registry.questions.isEmpty)
    }

    @Test("7: a label for accounting never has any influence", arguments: ExecutionMode.allCases)
    func accountingLabel(mode: ExecutionMode) async throws {
        let resolver = try await Site(mode).resolver
        let plain = try await resolver.resolve(ExecutionRequest(login: "alice"))
        let labelled = try await resolver.resolve(ExecutionRequest(login: "alice", accountingLabel: "render_user"))
        #expect(plain.identity != nil)
        #expect(plain == labelled)
    }

    @Test(
        "8: nobody runs as the superuser, under whichever name, granted or not",
        arguments: ["root", "toor"]
    )
    func superuser(name: String) async throws {
        let site = try await Site(.user, grants: [.of("alice", name)])
        for resolution in [try await site.resolve(name), try await site.resolve("alice", as: name)] {
            #expect(resolution.denial?.reason == .superuser)
            #expect(resolution.decidedBy?.rule == "superuser")
        }
        let proxy = try await Site(.proxy) { $0.proxyAccount = Sourced(name) }
        #expect(try await proxy.resolve("alice").denial?.reason == .superuser)
    }

    @Test("10: in desktop mode the job runs as the worker's own account, whatever the proxy keys say")
    func desktopMode() async throws {
        var site = try await Site(.desktop) { policy in
            policy.proxyAccount = Sourced(#"MyCorp\nonsense"#)
            policy.hostDomain = Sourced("MyCorp")
        }
        let registry = FixedProxyRegistry { ProxyStanding(login: $0, grants: [], binding: nil, isProxyAccount: false) }
        site.registry = registry
        let resolution = try await site.resolve("alice", as: "bob")
        #expect(resolution.runsAs == "worker")
        #expect(resolution.identity?.method == .keepCurrentAccount)
        #expect(resolution.rules == ["desktopMode", "requestedAccountIgnored", "minimumUserID", "workerAccount"])
        #expect(registry.questions.isEmpty)
        #expect(site.directory.lookups == [AccountLookup(.account(withID: UserID(2_200)), freshness: .cached)])
    }

    @Test("12: worker_host_domain makes the proxy account someuser into MyCorp\\someuser")
    func hostDomain() async throws {
        let site = try await Site(.proxy) { policy in
            policy.proxyAccount = Sourced("someuser", from: Site.line(2))
            policy.hostDomain = Sourced("MyCorp", from: Site.line(3))
        }
        let resolution = try await site.resolve("alice")
        #expect(resolution.identity?.account.userID == UserID(11_103))
        #expect(resolution.runsAs == #"MYCORP\someuser"#)
        #expect(site.directory.lookups.map(\.question) == [.account(named: try AccountName(#"MyCorp\someuser"#))])
        let entry = try #require(resolution.explanation.entries.first { $0.rule == "hostDomain" })
        #expect(entry.text == #"someuser is MyCorp\someuser"#)
        #expect(entry.source.description == "/etc/qb.conf:3")
    }

    @Test(
        "13: a proxy account with a domain is refused, and the remedy is the two keys to write",
        arguments: [#"MyCorp\someuser"#, "someuser@MyCorp"]
    )
    func qualifiedProxyAccount(name: String) async throws {
        let site = try await Site(.proxy) { $0.proxyAccount = Sourced(name, from: Site.line(2)) }
        let error = try #require(try await site.failure("alice"))
        #expect(error.code == .invalidPolicy)
        #expect(
            error.message == "proxy_account (/etc/qb.conf:2) takes a bare user name only, and \"\(name)\" names "
                + "a domain as well; write proxy_account = someuser and worker_host_domain = MyCorp"
        )
        #expect(error.explanation.entries.map(\.rule) == ["proxyMode"])
        #expect(site.directory.lookups.isEmpty)
    }

    @Test("14: without a host domain the local account is tried, then each visible domain in turn")
    func visibleDomains() async throws {
        let site = try await Site(.user, accounts: [.forTesting(#"B\someuser"#, uid: 12_103)]) {
            $0.visibleDomains = Sourced(["A", "B", "C"], from: Site.line(4))
        }
        let resolution = try await site.resolve("someuser")
        #expect(resolution.runsAs == #"B\someuser"#)
        #expect(
            site.directory.lookups.map(\.question)
                == (try ["someuser", #"A\someuser"#, #"B\someuser"#].map { .account(named: try AccountName($0)) })
        )
        #expect(
            resolution.rules == [
                "userMode", "localAccount", "visibleDomain", "visibleDomain", "minimumUserID", "selfAllowed",
            ]
        )
    }

    @Test("14: when none of them knows the account, the job is a badlogin that lists what was tried")
    func noDomainKnows() async throws {
        let site = try await Site(.user) { $0.visibleDomains = Sourced(["A", "B"], from: Site.line(4)) }
        let resolution = try await site.resolve("stranger")
        #expect(resolution.badLogin?.reason == .accountNotFound)
        let tried = #"tried in this order: stranger, A\stranger, B\stranger;"#
        #expect(resolution.badLogin?.message.contains(tried) == true)
        #expect(resolution.rules == ["userMode", "localAccount", "visibleDomain", "visibleDomain", "accountNotFound"])
    }

    @Test("44: the job of A that acts as B runs as B and still belongs to A")
    func bothIdentities() async throws {
        let site = try await Site(.user, grants: [.of("alice", "bob")])
        try await site.bind("alice", to: "bob")
        let resolution = try await site.resolve("alice")
        #expect(resolution.runsAs == "bob")
        #expect(resolution.identity?.login.spelling == "alice")
        #expect(resolution.rules == ["userMode", "binding", "minimumUserID", "grant"])
        #expect(resolution.explanation.alternatives.contains("without the binding: runs as alice"))
    }

    @Test("45: to name oneself needs no grant, and no registry that works")
    func oneself() async throws {
        var site = try await Site(.user)
        site.registry = UnreachableProxyRegistry()
        let resolution = try await site.resolve("alice", as: "alice")
        #expect(resolution.runsAs == "alice")
        #expect(resolution.decidedBy?.rule == "selfAllowed")
    }

    @Test("46: who names nobody runs as himself; who names something that is no name does not fall back to that")
    func tampered() async throws {
        let site = try await Site(.user)
        #expect(try await site.resolve("alice").runsAs == "alice")
        for tampered in ["", " ", "bob\u{0}", "bob\n", "0", "-bob", "bob;id"] {
            let resolution = try await site.resolve("alice", as: tampered)
            #expect(resolution.denial?.reason == .invalidAccountName, "\(tampered.debugDescription)")
            #expect(resolution.decidedBy?.rule == "requestedAccount")
        }
    }

    @Test(
        "49: a grant holds until its last moment and not one second longer",
        arguments: [(-1.0, "bob"), (0, "bob"), (1, nil)]
    )
    func lastMoment(after: TimeInterval, runsAs: String?) async throws {
        var site = try await Site(.user, grants: [.of("alice", "bob", until: Site.now)])
        site.now = Site.now.addingTimeInterval(after)
        let resolution = try await site.resolve("alice", as: "bob")
        #expect(resolution.runsAs == runsAs)
        #expect(resolution.denial?.reason == (runsAs == nil ? .grantExpired : nil))
        #expect(resolution.decidedBy?.rule == "grant")
    }

    @Test("50: after B and then C were chosen, jobs run as C; a choice without a grant leaves it at C")
    func oneAtATime() async throws {
        let site = try await Site(.user, grants: [.of("alice", "bob"), .of("alice", "carol")])
        try await site.bind("alice", to: "bob")
        try await site.bind("alice", to: "carol")
        #expect(try await site.resolve("alice").runsAs == "carol")
        #expect(try await site.resolve("alice", as: "bob").denial?.reason == .boundToAnotherAccount)
        try await site.bind("alice", to: "render_user")
        #expect(try await site.resolve("alice").runsAs == "carol")
        #expect(try await site.resolve("alice", as: "render_user").denial?.reason == .boundToAnotherAccount)
    }

    @Test("51: rights are those of the login, whoever the rest of the request claims to be")
    func claims() async throws {
        let site = try await Site(.user, grants: [.of("carol", "bob")])
        var request = ExecutionRequest(login: "alice", requestedAccount: "bob")
        request.accountingLabel = "carol"
        let resolution = try await site.resolver.resolve(request)
        #expect(resolution.denial?.reason == .notGranted)
        #expect(resolution.denial?.message.contains("alice has no grant to act as bob") == true)
    }

    @Test("79: an account nobody knows fails its own job, and the resolver goes on")
    func unknownAccount() async throws {
        let resolver = try await Site(.user).resolver
        let unknown = try await resolver.resolve(ExecutionRequest(login: "stranger"))
        #expect(unknown.badLogin?.reason == .accountNotFound)
        #expect(unknown.decidedBy?.rule == "accountNotFound")
        #expect(try await resolver.resolve(ExecutionRequest(login: "alice")).runsAs == "alice")
    }

    @Test("81: user id 999 is below the minimum of 1000 and refused, not replaced by the worker's own")
    func belowMinimum() async throws {
        let resolution = try await Site(.user).resolve("svc999")
        #expect(resolution.denial?.reason == .belowMinimumUserID)
        #expect(resolution.decidedBy?.rule == "minimumUserID")
    }

    @Test("81: an account whose ids are others here than where the job was submitted is refused")
    func pinned() async throws {
        let resolver = try await Site(.user).resolver
        var request = ExecutionRequest(login: "alice", pinnedUserID: UserID(2_001), pinnedGroupID: GroupID(2_001))
        #expect(try await resolver.resolve(request).runsAs == "alice")
        request.pinnedUserID = UserID(5_555)
        let resolution = try await resolver.resolve(request)
        #expect(resolution.denial?.reason == .userIDMismatch)
        #expect(resolution.decidedBy?.rule == "pinnedID")
    }

    struct Address: Sendable, CustomTestStringConvertible {
        var networks: [String]
        var address: String?
        var isAllowed: Bool
        var testDescription: String { "\(networks) and \(address ?? "no address")" }
    }

    @Test("83: hive acts as hive without any rule")
    func hive() async throws {
        let site = try await Site(.user, accounts: [.forTesting("hive", uid: 2_300)])
        #expect(try await site.resolve("hive", as: "hive", from: "10.0.0.1").runsAs == "hive")
    }

    @Test(
        "83: a grant that is limited to networks is compared by bits, and holds nowhere without any",
        arguments: [
            Address(networks: [], address: "10.222.9.1", isAllowed: false),
            Address(networks: [], address: nil, isAllowed: false),
            Address(networks: ["10.222.0.0/16"], address: "10.222.9.1", isAllowed: true),
            Address(networks: ["10.222.0.0/16"], address: "10.223.0.1", isAllowed: false),
            Address(networks: ["10.0.0.11"], address: "10.0.0.1", isAllowed: false),
            Address(networks: ["10.0.0.11"], address: "10.0.0.11", isAllowed: true),
            Address(networks: ["10.222.0.0/16"], address: nil, isAllowed: false),
            Address(networks: ["10.222.0.0/16"], address: "worker7", isAllowed: false),
        ]
    )
    func addresses(address: Address) async throws {
        let site = try await Site(.user, grants: [.of("alice", "bob", from: address.networks)])
        let resolution = try await site.resolve("alice", as: "bob", from: address.address)
        #expect(resolution.runsAs == (address.isAllowed ? "bob" : nil))
        #expect(resolution.denial?.reason == (address.isAllowed ? nil : .grantNotForAddress))
    }
}
