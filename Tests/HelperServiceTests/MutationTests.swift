import Damage
import SystemPackage
import Testing

@testable import HelperService

@Suite("Damaged policies")
struct MutationTests {
    private static let valid = Array(
        #"""
        # c
        peers = renderd @farm
        accounts = "MYCORP\\alice" 2002
        denied-groups = disk # x
        new-privileges = forbidden
        maximum-jobs = 16

        """#
        .utf8
    )

    /// Bytes with a meaning in the syntax, and some that have none anywhere.
    private static let interesting = Array("\n\r\t \"'#=\\@*,0a-+".utf8) + [0x00, 0x1B, 0x7F, 0xC3, 0xA9, 0xFF]

    @Test("are a policy or an error with a line of the file, 100,000 of them", arguments: 0..<10)
    func damaged(seed: UInt64) throws {
        var generator = ByteDamage(seed: seed)
        let path: FilePath = "f"
        var loaded = 0
        var codes: Set<PolicyProblem.Code> = []
        for _ in 0..<10_000 {
            let bytes = generator.damage(Self.valid, with: Self.interesting)
            let lines = bytes.count { $0 == UInt8(ascii: "\n") } + 1
            do throws(PolicyError) {
                let policy = try HelperPolicy(PolicyFile(parsing: bytes, from: path), names: Names())
                loaded += 1
                // Whatever was changed, what may never be is not permitted.
                if policy.peers.everybody.isPermitted
                    || policy.accounts.users.contains(where: { PolicyIdentity.isNever($0.number) })
                {
                    Issue.record("\(policy.summary) of \(bytes)")
                    return
                }
            } catch {
                let places = error.problems.map { $0.line ?? 0 }
                let isOnOneLine = error.problems.map(\.description).allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 } }
                guard !places.isEmpty, places == places.sorted(), places.allSatisfy((1...lines).contains), isOnOneLine
                else {
                    Issue.record("\(error) of \(bytes)")
                    return
                }
                codes.formUnion(error.problems.map(\.code))
            }
        }
        // Otherwise the changes were all of one kind.
        #expect(loaded > 100)
        #expect(codes.count >= 8)
    }
}
