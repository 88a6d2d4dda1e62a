import FoundationEssentials
import Impersonation
import ImpersonationTesting
import Synchronization
import SystemPackage
import Testing

@Suite("To act as another account in user mode")
struct ActingForOthersTests {
    @Test("takes a grant for exactly that account, and the explanation says which")
    func grant() async throws {
        let end = Site.now.addingTimeInterval(3_600)
        let site = try await Site(.user, grants: [.of("alice", "bob", until: end, from: ["10.0.0.0/8"])])
        let resolution = try await site.resolve("alice", as: "bob", from: "10.1.2.3")
        #expect(resolution.runsAs == "bob")
        #expect(resolution.rules == ["userMode", "requestedAccount", "minimumUserID", "grant"])
        #expect(resolution.decidedBy?.source == .named("in-memory registry"))
        #expect(
            resolution.decidedBy?.text
                == "alice may act as bob, until 2027-01-15T09:00:00Z, from 10.0.0.0/8; the job runs as bob (uid 2002)"
        )
        #expect(
            resolution.explanation.alternatives == [
                "with proxy_execution_mode = proxy: qubeproxy", "without naming an account: runs as alice",
            ]
        )
    }

    @Test("stops with the very next resolution once the grant is revoked")
    func revocation() async throws {
        let site = try await Site(.user, grants: [.of("alice", "bob")])
        #expect(try await site.resolve("alice", as: "bob").runsAs == "bob")
        try await site.registry.revoke(login: try AccountName("alice"), account: try AccountName("bob"))
        #expect(try await site.resolve("alice", as: "bob").denial?.reason == .notGranted)
    }

    @Test("is refused when the binding's grant has ended, and the job does not fall back to the login")
    func endedBinding() async throws {
        var site = try await Site(.user, grants: [.of("alice", "bob", until: Site.now)])
        try await site.bind("alice", to: "bob")
        #expect(try await site.resolve("alice").runsAs == "bob")
        site.now = Site.now.addingTimeInterval(1)
        let resolution = try await site.resolve("alice")
        #expect(resolution.denial?.reason == .grantExpired)
        #expect(resolution.rules == ["userMode", "binding", "grant"])
        #expect(resolution.explanation.alternatives.contains("without the binding: runs as alice"))
    }

    @Test("is refused when the grant ends while the registry or the directory takes its time")
    func slowAnswers() async throws {
        let end = Site.now.addingTimeInterval(60)
        let site = try await Site(.user, grants: [.of("alice", "bob", until: end)])
        for looks in 0..<2 {
            let clock = Mutex(0)
            let resolver = PolicyResolver(
                policy: site.policy,
                directory: site.directory,
                registry: site.registry,
                now: {
                    clock.withLock { count in
                        defer { count += 1 }
                        return Site.now.addingTimeInterval(count < looks ? 0 : 3_600)
                    }
                }
            )
            let resolution = try await resolver.resolve(ExecutionRequest(login: "alice", requestedAccount: "bob"))
            #expect(resolution.denial?.reason == .grantExpired)
        }
    }

    @Test("is refused when a binding rests on no grant at all")
    func bindingWithoutGrant() async throws {
        var site = try await Site(.user)
        site.registry = FixedProxyRegistry { login in
            let binding = Binding(login: login, account: try AccountName("bob"), since: Site.now)
            return ProxyStanding(login: login, grants: [], binding: binding, isProxyAccount: false)
        }
        #expect(try await site.resolve("alice").denial?.reason == .notGranted)
        #expect(try await site.resolve("alice", as: "bob").denial?.reason == .notGranted)
        #expect(try await site.resolve("alice", as: "alice").runsAs == "alice")
    }

    @Test("is possible by naming the account one is bound to")
    func namesItsBinding() async throws {
        let site = try await Site(.user, grants: [.of("alice", "bob"), .of("alice", "carol")])
        try await site.bind("alice", to: "bob")
        let resolution = try await site.resolve("alice", as: "bob")
        #expect(resolution.runsAs == "bob")
        #expect(resolution.explanation.alternatives.contains("without naming an account: runs as bob"))
    }

    @Test("does not take away to be oneself, by name, while bound")
    func oneselfWhileBound() async throws {
        let site = try await Site(.user, grants: [.of("alice", "bob")])
        try await site.bind("alice", to: "bob")
        #expect(try await site.resolve("alice", as: "alice").runsAs == "alice")
    }

    @Test("is nothing a proxy account may do, though it may run jobs as itself", arguments: ["bob", "qubeproxy"])
    func proxyAccountAsItself(login: String) async throws {
        let site = try await Site(.user, grants: [.of("alice", "bob")])
        #expect(try await site.resolve(login).runsAs == login)
        #expect(try await site.resolve(login, as: login).runsAs == login)
        #expect(try await site.resolve(login, as: "carol").denial?.reason == .proxyMayNotProxy)
    }

    @Test("is nothing a proxy account may do, even where a registry let a grant and a binding slip in")
    func chain() async throws {
        var site = try await Site(.user)
        site.registry = FixedProxyRegistry { login in
            ProxyStanding(
                login: login,
                grants: [try .of("bob", "carol")],
                binding: Binding(login: login, account: try AccountName("carol"), since: Site.now),
                isProxyAccount: true
            )
        }
        for requested in [nil, "carol", "alice"] {
            #expect(try await site.resolve("bob", as: requested).denial?.reason == .proxyMayNotProxy)
        }
    }

    @Test("is not opened by a registry that answers about somebody else")
    func answerAboutSomebodyElse() async throws {
        var site = try await Site(.user)
        site.registry = FixedProxyRegistry { _ in
            ProxyStanding(login: try AccountName("bob"), grants: [], binding: nil, isProxyAccount: false)
        }
        #expect(try await site.failure("alice", as: "bob")?.code == .registryUnavailable)
        #expect(try await site.failure("alice")?.code == .registryUnavailable)
    }

    @Test("is not opened by the grant of somebody else in an answer")
    func grantOfSomebodyElse() async throws {
        var site = try await Site(.user)
        site.registry = FixedProxyRegistry { login in
            ProxyStanding(login: login, grants: [try .of("carol", "bob")], binding: nil, isProxyAccount: false)
        }
        #expect(try await site.resolve("alice", as: "bob").denial?.reason == .notGranted)
        site.registry = FixedProxyRegistry { login in
            let grants = try [Grant.of("carol", "bob"), .of("alice", "bob")]
            return ProxyStanding(login: login, grants: grants, binding: nil, isProxyAccount: false)
        }
        let resolution = try await site.resolve("alice", as: "bob")
        #expect(resolution.decidedBy?.text == "alice may act as bob; the job runs as bob (uid 2002)")
    }

    @Test("needs a registry that answers: without one nothing runs, not even as the login")
    func registryFails() async throws {
        var site = try await Site(.user)
        site.registry = UnreachableProxyRegistry()
        for requested in [nil, "bob"] {
            let error = try #require(try await site.failure("alice", as: requested))
            #expect(error.code == .registryUnavailable)
            #expect(error.message.contains("whom alice may act as could not be read from unreachable registry"))
            #expect(error.underlyingError is ProxyRegistryError)
            #expect(error.explanation.entries.first?.rule == "userMode")
        }
        #expect(site.directory.lookups.isEmpty)
    }

    @Test("has to be granted before the directory is asked about a stranger's account")
    func rightsFirst() async throws {
        let site = try await Site(.user)
        _ = try await site.resolve("alice", as: "bob")
        #expect(site.directory.lookups.isEmpty)
    }
}
