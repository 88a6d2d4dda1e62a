import ImpersonationTesting
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The built-in rules")
struct BuiltInRulesTests {
    @Test("are all there, in this order, whatever a site adds")
    func order() {
        #expect(
            AccountRules.builtIn.map(\.name) == [
                "superuser", "reservedID", "lookupAccount", "superuserGroup", "machineAccount", "groupAccount",
                "nameAgreement", "pinnedID",
            ]
        )
    }

    struct Hostile: Sendable, CustomTestStringConvertible {
        var name: String
        var uid: UInt32 = 2_001
        var gid: UInt32 = 2_001
        var groups: [UInt32] = []
        var isGroup = false
        var reason: Denial.Reason?
        var testDescription: String { "\(name) \(uid):\(gid) \(groups)" }
    }

    static let accounts: [Hostile] = [
        Hostile(name: "alice"),
        Hostile(name: "root", uid: 0, gid: 0, reason: .superuser),
        Hostile(name: "toor", uid: 0, gid: 100, reason: .superuser),
        Hostile(name: #"MYCORP\administrator"#, uid: 0, gid: 100, reason: .superuser),
        Hostile(name: "alice", gid: 0, reason: .superuserGroup),
        Hostile(name: "alice", groups: [3_001, 0], reason: .superuserGroup),
        Hostile(name: "alice", uid: 4_294_967_295, reason: .reservedID),
        Hostile(name: "alice", uid: 65_535, reason: .reservedID),
        Hostile(name: "alice", gid: 4_294_967_295, reason: .reservedID),
        Hostile(name: "alice", gid: 65_535, reason: .reservedID),
        Hostile(name: "alice", groups: [4_294_967_295], reason: .reservedID),
        Hostile(name: "alice", groups: [65_535], reason: .reservedID),
        Hostile(name: "alice", uid: 4_294_967_294),
        Hostile(name: "alice", uid: 65_534, gid: 65_534),
        Hostile(name: "alice", uid: 65_536),
        Hostile(name: "alice", uid: 1, gid: 1),
        Hostile(name: "host$", reason: .machineAccount),
        Hostile(name: #"MYCORP\dc1$"#, reason: .machineAccount),
        Hostile(name: "dc1$@mycorp.test", reason: .machineAccount),
        Hostile(name: "krbtgt", reason: .machineAccount),
        Hostile(name: #"MYCORP\KrbTgt"#, reason: .machineAccount),
        Hostile(name: "krbtgt_12345@mycorp.test", reason: .machineAccount),
        Hostile(name: #"MYCORP\engineers"#, uid: 11_115, gid: 11_115, isGroup: true, reason: .groupAccount),
        Hostile(name: #"MYCORP\engineers"#, uid: 11_115, gid: 11_115),
    ]

    @Test("refuse by numbers and not by names", arguments: accounts)
    func numbers(hostile: Hostile) async throws {
        let account = try Account.forTesting(
            hostile.name,
            uid: hostile.uid,
            gid: hostile.gid,
            groups: hostile.groups,
            isGroup: hostile.isGroup
        )
        var explanation = Explanation()
        let admission = try await AccountRules([])
            .admit(
                AccountCandidate(account: account, askedFor: account.name, request: ExecutionRequest(login: "alice")),
                login: AccountName("alice"),
                mode: .user,
                in: InMemoryAccountDirectory([account]),
                explanation: &explanation
            )
        switch admission {
        case .admitted(let identity):
            #expect(hostile.reason == nil)
            #expect(identity.account == account)
            #expect(identity.method == .switchAccount)
            #expect(explanation.entries.isEmpty)
        case .refused(let denial):
            #expect(denial.reason == hostile.reason)
            #expect(explanation.entries.map(\.text) == [denial.message])
            #expect(denial.message.contains(hostile.name))
        }
    }

    @Test("come before a site's own, and the first refusal decides")
    func firstRefusal() async throws {
        let root = try Account.forTesting("root", uid: 0)
        var explanation = Explanation()
        let admission = try await AccountRules([MinimumUserIDRule(1_000)])
            .admit(
                AccountCandidate(account: root, askedFor: root.name, request: ExecutionRequest(login: "root")),
                login: root.name,
                mode: .desktop,
                in: InMemoryAccountDirectory(),
                explanation: &explanation
            )
        guard case .refused(let denial) = admission else {
            Issue.record("root was admitted")
            return
        }
        #expect(denial.reason == .superuser)
        #expect(explanation.entries.map(\.rule) == ["superuser"])
    }

    @Test("hold for identities in tests as well")
    func tests() async throws {
        let root = try Account.forTesting("root", uid: 0)
        await #expect(throws: RefusedTestIdentity.self) {
            _ = try await ExecutionIdentity.forTesting(account: root)
        }
        let identity = try await ExecutionIdentity.forTesting(account: .forTesting("alice", uid: 1), mode: .desktop)
        #expect(identity.method == .keepCurrentAccount)
    }

    @Test("of a rule that cannot be decided note which rule it was, and nothing is admitted")
    func undecided() async throws {
        let account = try Account.forTesting("alice", uid: 2_001)
        let directory = InMemoryAccountDirectory([account])
        directory.failEverything()
        var explanation = Explanation()
        var failure: AccountDirectoryError?
        do throws(AccountDirectoryError) {
            _ = try await AccountRules([AllowedGroupsRule([.named("render")], from: .file("/etc/qb.conf", line: 4))])
                .admit(
                    AccountCandidate(
                        account: account,
                        askedFor: account.name,
                        request: ExecutionRequest(login: "alice")
                    ),
                    login: account.name,
                    mode: .user,
                    in: directory,
                    explanation: &explanation
                )
        } catch {
            failure = error
        }
        #expect(failure == .testOutage)
        #expect(explanation.entries.map(\.rule) == ["allowedGroups"])
        #expect(explanation.entries.first?.source.description == "/etc/qb.conf:4")
        #expect(explanation.entries.first?.text.hasPrefix("could not be decided: directoryUnavailable") == true)
    }
}
