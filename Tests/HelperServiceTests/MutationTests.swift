import SystemPackage
import Testing

@testable import HelperService

/// SplitMix64: the same numbers from the same seed on every machine.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

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

    @Test("are a policy or an error with a line of the file, 50,000 of them", arguments: 0..<10)
    func damaged(seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        let path: FilePath = "f"
        var loaded = 0
        var codes: Set<PolicyProblem.Code> = []
        for _ in 0..<5_000 {
            let bytes = mutate(Self.valid, with: &generator)
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

    private func mutate(_ original: [UInt8], with generator: inout SplitMix) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let index = bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &generator)
            let byte = Self.interesting.randomElement(using: &generator) ?? 0
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes.insert(byte, at: index)
            case 1 where !bytes.isEmpty: bytes.remove(at: index)
            case 2 where !bytes.isEmpty: bytes[index] = byte
            case 3 where !bytes.isEmpty: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 4: bytes.removeSubrange(index..<min(bytes.count, index + 30))
            default: bytes.insert(contentsOf: bytes[index..<min(bytes.count, index + 30)], at: index)
            }
        }
        return bytes
    }
}
