import ImpersonationTesting
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The account of lookup processes")
struct LookupAccountRuleTests {
    private static let wholeMachine = "         0          0 4294967295\n"
    private static let container = "         0     100000      65536\n"
    private static let small = "         0     100000       1000\n     65534       65534          1\n"

    @Test(
        "is the first of its numbers that the user namespace has, for users and for groups; nobody's where there is none",
        arguments: [
            (wholeMachine, wholeMachine, 4_294_960_001), (container, container, 65_523),
            (wholeMachine, container, 65_523),
            (small, small, 65_534), (container, small, 65_534), ("", "", 65_534),
        ] as [(String, String, UInt32)]
    )
    func choice(users: String, groups: String, number: UInt32) {
        #expect(LookupAccount.choice(users: users, groups: groups) == number)
    }

    @Test(
        "is that of every process which may switch accounts, root or not",
        arguments: [(0, [], true), (990, [6, 7], true), (990, [7], false), (990, [6], false), (990, [], false)]
            as [(UInt32, Set<UInt32>, Bool)]
    )
    func use(userID: UInt32, capabilities: Set<UInt32>, isUsed: Bool) {
        #expect(LookupAccount.isUsed(by: userID) { capabilities.contains($0) } == isUsed)
    }

    @Test("runs no job", arguments: [4_294_960_001, 65_523] as [UInt32])
    func jobs(number: UInt32) async throws {
        let account = try Account.forTesting("stranger", uid: number, gid: 2_001)
        #expect(try await RuleBench().reason(of: LookupAccountRule(), on: account) == .reservedID)
        #expect(AccountRules.builtIn.contains { $0 is LookupAccountRule })
    }

    @Test("keeps nobody else from jobs", arguments: [1, 1_000, 2_001, 65_522, 65_524, 4_294_960_000] as [UInt32])
    func others(number: UInt32) async throws {
        let account = try Account.forTesting("alice", uid: number)
        #expect(try await RuleBench().reason(of: LookupAccountRule(), on: account) == nil)
    }
}
