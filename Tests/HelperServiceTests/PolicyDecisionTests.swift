import LaunchProtocol
import Testing

@testable import HelperService

@Suite("A decision in memory")
struct PolicyDecisionTests {
    @Test
    func `The two decisions differ in each of their 64 bits, and neither looks like a truth value`() {
        let words = [PolicyDecision.permitted.word, PolicyDecision.forbidden.word]
        #expect((words[0] ^ words[1]).nonzeroBitCount == 64)
        #expect(words.allSatisfy { $0.nonzeroBitCount == 32 })
        // The representation is the word itself: an enum with the same raw values would be one byte.
        #expect(MemoryLayout<PolicyDecision>.size == 8)
    }

    @Test("No change of one or two bits makes a permission of anything, or a certain denial", arguments: 0..<64)
    func flipped(bit: Int) {
        #expect(PolicyDecision.permitted.isPermitted)
        #expect(!PolicyDecision.forbidden.isPermitted)
        #expect(PolicyDecision.forbidden.isForbidden && !PolicyDecision.permitted.isForbidden)
        for other in 0..<64 {
            let flip = UInt64(1) << bit | UInt64(1) << other
            #expect(!PolicyDecision.damaged(PolicyDecision.permitted.word ^ flip).isPermitted)
            #expect(!PolicyDecision.damaged(PolicyDecision.forbidden.word ^ flip).isPermitted)
            #expect(!PolicyDecision.damaged(PolicyDecision.forbidden.word ^ flip).isForbidden)
        }
    }

    @Test("No account gets a job whose being served is permitted, or not certainly forbidden", arguments: 0..<64)
    func peers(bit: Int) throws {
        try Admission.refusePeer(.forbidden)
        let flip = UInt64(1) << bit
        for decision in [
            .permitted, .damaged(PolicyDecision.permitted.word ^ flip), .damaged(PolicyDecision.forbidden.word ^ flip),
            .damaged(flip),
        ] as [PolicyDecision] {
            let denial = #expect(throws: JobSession.Denial.self) { try Admission.refusePeer(decision) }
            guard case .refused(let refusal, _) = denial else { continue }
            #expect(refusal.reason == "account-is-a-peer")
        }
    }

    @Test("Zero, one and all bits set forbid", arguments: [0, 1, .max] as [UInt64])
    func truthValues(word: UInt64) {
        #expect(!PolicyDecision.damaged(word).isPermitted)
        #expect(!PolicyDecision.damaged(word).isForbidden)
        #expect(PolicyDecision.permitted.and(.damaged(word)) == .forbidden)
    }
}
