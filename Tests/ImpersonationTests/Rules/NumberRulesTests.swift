import ImpersonationTesting
import SystemPackage
import Testing

@testable import Impersonation

@Suite("Rules about user ids")
struct NumberRulesTests {
    @Test(
        "The minimum is the smallest user id that passes",
        arguments: [
            (1_000, 999, false), (1_000, 1_000, true), (1_000, 1_001, true), (0, 0, true), (2_000, 1_999, false),
        ] as [(UInt32, UInt32, Bool)]
    )
    func minimum(minimum: UInt32, uid: UInt32, passes: Bool) async throws {
        let account = try Account.forTesting("alice", uid: uid)
        let verdict = try await RuleBench()
            .verdict(of: MinimumUserIDRule(minimum, from: .file("/etc/qb.conf", line: 3)), on: account)
        #expect(verdict.reason == (passes ? nil : .belowMinimumUserID))
        if !passes { #expect(verdict.text.contains("below the minimum of \(minimum) (/etc/qb.conf:3)")) }
    }

    @Test("Standard rules begin at 1000")
    func standard() {
        let rules = AccountRules.standard.additional
        #expect((rules.first as? MinimumUserIDRule)?.minimum == 1_000)
        #expect(rules.count == 1)
    }

    struct Pin: Sendable, CustomTestStringConvertible {
        var uid: UInt32?
        var gid: UInt32?
        var passes: Bool
        var testDescription: String { "\(uid.map(String.init) ?? "any"):\(gid.map(String.init) ?? "any")" }
    }

    @Test(
        "Ids that were pinned are the ids the account has, each of them",
        arguments: [
            Pin(passes: true), Pin(uid: 2_001, passes: true), Pin(gid: 100, passes: true),
            Pin(uid: 2_001, gid: 100, passes: true), Pin(uid: 2_002, passes: false), Pin(gid: 101, passes: false),
            Pin(uid: 2_001, gid: 101, passes: false), Pin(uid: 2_002, gid: 100, passes: false),
        ]
    )
    func pins(pin: Pin) async throws {
        let account = try Account.forTesting("alice", uid: 2_001, gid: 100)
        let request = ExecutionRequest(
            login: "alice",
            pinnedUserID: pin.uid.map { UserID(rawValue: $0) },
            pinnedGroupID: pin.gid.map { GroupID(rawValue: $0) }
        )
        let verdict = try await RuleBench().verdict(of: PinnedIDRule(), on: account, pinned: request)
        #expect(verdict.reason == (pin.passes ? nil : .userIDMismatch))
    }
}
