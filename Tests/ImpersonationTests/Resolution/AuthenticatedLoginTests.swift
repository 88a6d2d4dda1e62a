import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

@Suite("A login that was authenticated by its user id")
struct AuthenticatedLoginTests {
    /// Two people of one short name: one of this host, and one of the domain that bare names belong to.
    private func site(_ mode: ExecutionMode, grants: [Grant] = []) async throws -> Site {
        try await Site(
            mode,
            accounts: Site.people() + [.forTesting("someuser", uid: 2_300)],
            grants: grants
        ) { policy in
            policy.hostDomain = Sourced("MYCORP", from: Site.line(2))
        }
    }

    private func resolve(
        _ site: Site,
        _ login: String = "someuser",
        uid: UInt32,
        as account: String? = nil
    ) async throws -> Resolution {
        try await site.resolver.resolve(
            ExecutionRequest(login: login, loginUserID: UserID(uid), requestedAccount: account)
        )
    }

    @Test(
        "does not become the domain's account of the same name, however it asks",
        arguments: [nil, "someuser", #"MYCORP\someuser"#, "render_user"]
    )
    func anotherPerson(account: String?) async throws {
        let site = try await site(.user, grants: [.of(#"MYCORP\someuser"#, "render_user")])
        let resolution = try await resolve(site, uid: 2_300, as: account)
        #expect(resolution.denial?.reason == .loginMismatch)
        #expect(resolution.denial?.message.contains("user id 2300") == true)
        #expect(resolution.denial?.message.contains(#"MYCORP\someuser"#) == true)
        #expect(resolution.decidedBy?.rule == "login")
    }

    @Test("is the domain's account when it has that one's user id", arguments: [nil, "someuser"])
    func samePerson(account: String?) async throws {
        let resolution = try await resolve(site(.user), uid: 11_103, as: account)
        #expect(resolution.runsAs == #"MYCORP\someuser"#)
    }

    @Test("keeps its grants and its binding")
    func binding() async throws {
        let site = try await Site(.user, grants: [.of("alice", "bob")])
        try await site.bind("alice", to: "bob")
        #expect(try await resolve(site, "alice", uid: 2_001).runsAs == "bob")
        #expect(try await resolve(site, "alice", uid: 2_001, as: "alice").runsAs == "alice")
    }

    @Test("has no jobs where its name is nobody's account")
    func unknown() async throws {
        let resolution = try await resolve(site(.user), "alice", uid: 2_001)
        #expect(resolution.badLogin?.reason == .accountNotFound)
        #expect(resolution.rules.contains("hostDomain"))
    }

    @Test("decides nothing in proxy mode, where a login need not have an account")
    func proxyMode() async throws {
        let site = try await Site(.proxy)
        #expect(try await resolve(site, "alice", uid: 4_711).runsAs == "qubeproxy")
    }
}
