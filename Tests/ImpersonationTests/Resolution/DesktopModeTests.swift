import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

@Suite("In desktop mode")
struct DesktopModeTests {
    @Test("a superuser's worker runs nothing")
    func superuser() async throws {
        var site = try await Site(.desktop)
        site.currentAccount = CurrentAccount { directory throws(AccountDirectoryError) in
            try await directory.account(withID: UserID(0), freshness: .cached)
        }
        let resolution = try await site.resolve("alice")
        #expect(resolution.denial?.reason == .superuser)
        #expect(resolution.decidedBy?.rule == "superuser")
    }

    @Test("an owner without an account on this host runs nothing")
    func unknownOwner() async throws {
        var site = try await Site(.desktop)
        site.currentAccount = CurrentAccount { _ in nil }
        let resolution = try await site.resolve("alice")
        #expect(resolution.badLogin?.reason == .accountNotFound)
        #expect(resolution.decidedBy?.rule == "accountNotFound")
    }

    @Test("the site's own rules hold for the owner as for everybody")
    func siteRules() async throws {
        let denied = try await Site(.desktop) { policy in
            policy.accountRules = AccountRules([
                DeniedAccountsRule([try AccountName("worker")], from: Site.line(5))
            ])
        }
        #expect(try await denied.resolve("alice").denial?.reason == .deniedAccount)
        let minimum = try await Site(.desktop) { $0.accountRules = AccountRules([MinimumUserIDRule(3_000)]) }
        #expect(try await minimum.resolve("alice").denial?.reason == .belowMinimumUserID)
    }

    @Test("a job pinned to another account does not run as the owner")
    func pinned() async throws {
        let resolver = try await Site(.desktop).resolver
        let request = ExecutionRequest(login: "alice", pinnedUserID: UserID(2_001))
        #expect(try await resolver.resolve(request).denial?.reason == .userIDMismatch)
    }

    @Test("the explanation tells what user mode would do")
    func alternatives() async throws {
        let site = try await Site(.desktop)
        #expect(try await site.resolve("alice").explanation.alternatives == ["in user mode: alice"])
        #expect(try await site.resolve("alice", as: "bob").explanation.alternatives == ["in user mode: bob"])
    }
}
