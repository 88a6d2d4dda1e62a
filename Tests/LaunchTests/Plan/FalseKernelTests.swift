import CLaunchPlan
import Damage
import FalseKernel
import Glibc
import LaunchPlan
import Testing

/// On a kernel that does nothing: whatever a plan or an order says, no job gets what it must not have.
@Suite("Plans and orders that somebody has damaged")
struct FalseKernelTests {
    private static let header = MemoryLayout<launch_plan>.size
    private static let operation = MemoryLayout<launch_operation>.size
    private static let numbers: [UInt64] = [
        0, 1, 2, 3, 5, 6, 24, 991, 2_001, 3_001, 4_242, 65_536, 65_537, 1 << 31, 1 << 32, UInt64(UInt32.max), 1 << 63,
        .max,
    ]

    /// Changes steps and their numbers in place, so that most plans stay plans.
    private static func damage(_ original: [UInt8], planAt start: Int, with generator: inout ByteDamage) -> [UInt8] {
        var bytes = original
        let count = Int(bytes[start + 16])
        func place(_ index: Int) -> Range<Int> {
            let at = start + header + index * operation
            return at..<at + operation
        }
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let one = place(Int.random(in: 0..<count, using: &generator))
            let other = place(Int.random(in: 0..<count, using: &generator))
            let number = numbers.randomElement(using: &generator) ?? 0
            switch Int.random(in: 0..<6, using: &generator) {
            case 0:
                let kept = Array(bytes[one])
                bytes.replaceSubrange(one, with: Array(bytes[other]))
                bytes.replaceSubrange(other, with: kept)
            case 1: bytes.replaceSubrange(one, with: Array(bytes[other]))
            case 2: bytes[one.lowerBound] = UInt8.random(in: 0..<80, using: &generator)
            case 3:
                let field = one.lowerBound + 8 * Int.random(in: 1...3, using: &generator)
                unsafe withUnsafeBytes(of: number) { unsafe bytes.replaceSubrange(field..<field + 8, with: $0) }
            case 4:
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^=
                    1 << UInt8.random(in: 0..<8, using: &generator)
            default: bytes[start - 1] = UInt8.random(in: 0..<4, using: &generator)
            }
        }
        return bytes
    }

    @Test("become jobs where nothing is damaged")
    func whole() throws {
        for plan in try PlanSamples.plans() {
            let result = PlanSamples.result(ofPlan: plan)
            #expect(result.complaint == nil)
            // The last one is for somebody else than it begins as.
            let isRefused = plan[0] == UInt8(FALSE_BEGINS_AS_BARE_ROOT.rawValue)
            #expect(result.becameJob == !isRefused, "\(plan[0]): step \(result.step), error \(result.error)")
        }
        for order in try PlanSamples.orders() {
            let result = PlanSamples.result(ofOrder: order)
            #expect(result.complaint == nil)
            #expect(result.becameJob, "\(order[0]): step \(result.step), error \(result.error)")
        }
    }

    @Test("make no job that has more than its account, in 60,000 plans")
    func plans() throws {
        var generator = ByteDamage(seed: 21)
        let samples = try PlanSamples.plans()
        var jobs = 0
        var steps: Set<UInt32> = []
        for _ in 0..<60_000 {
            let original = try #require(samples.randomElement(using: &generator))
            let bytes = Self.damage(original, planAt: 1, with: &generator)
            let result = PlanSamples.result(ofPlan: bytes)
            let complaint = result.complaint
            try #require(complaint == nil, "\(bytes)")
            jobs += result.becameJob ? 1 : 0
            if !result.becameJob { steps.insert(result.step) }
        }
        // Otherwise the damage never got past the beginning, or was none.
        #expect(jobs > 1_000 && jobs < 50_000)
        #expect(steps.count > 20)
    }

    @Test("run nothing but what sudo was asked about, and give a program of a rule nothing else, in 30,000 orders")
    func orders() throws {
        var generator = ByteDamage(seed: 22)
        let samples = try PlanSamples.orders()
        let start = 1 + MemoryLayout<launch_order>.size
        var jobs = 0
        for _ in 0..<30_000 {
            let original = try #require(samples.randomElement(using: &generator))
            // The order and the strings, or the plan.
            let bytes =
                Bool.random(using: &generator)
                ? Self.damage(original, planAt: start, with: &generator)
                : generator.damage(original, with: [0x00, 0x01, 0x06, 0x07, 0x80, 0xFF])
            let result = PlanSamples.result(ofOrder: bytes)
            let complaint = result.complaint
            try #require(complaint == nil, "\(bytes)")
            jobs += result.becameJob ? 1 : 0
        }
        #expect(jobs > 1_000 && jobs < 25_000)
    }

    @Test("signal nobody but who was named and is who he was, in 30,000 calls")
    func signals() throws {
        #expect(SignalSamples.samples.map { SignalSamples.result(of: $0).sent } == [1, 1, 0, 0, 0])
        var generator = ByteDamage(seed: 23)
        var sent = 0
        for _ in 0..<30_000 {
            let original = try #require(SignalSamples.samples.randomElement(using: &generator))
            let bytes = generator.damage(original, with: Array("\u{1D}0123456789:-+ )".utf8) + [0x00, 0xFF])
            let result = SignalSamples.result(of: bytes)
            try #require(result.complaint == nil, "\(bytes)")
            sent += result.sent > 0 ? 1 : 0
        }
        // Otherwise it was all damage, or none.
        #expect(sent > 1_000 && sent < 25_000)
    }

    @Test(
        "take no number for an id that the kernel would take half of",
        arguments: [0, 1 << 32, UInt64(UInt32.max), .max]
    )
    func halves(_ number: UInt64) throws {
        let steps = [LAUNCH_STEP_VERIFY_USER_ID.rawValue, LAUNCH_STEP_VERIFY_GROUP_ID.rawValue]
        var plan = try #require(try PlanSamples.plans().last)
        for index in 0..<Int(plan[17]) {
            let at = 1 + Self.header + index * Self.operation
            guard steps.contains(UInt32(plan[at])) else { continue }
            unsafe withUnsafeBytes(of: number) { unsafe plan.replaceSubrange(at + 8..<at + 16, with: $0) }
        }
        let result = PlanSamples.result(ofPlan: plan)
        #expect(result.complaint == nil)
        #expect(result.step == LAUNCH_STEP_VERIFY_USER_ID.rawValue)
        #expect(result.error == EBADMSG)
    }

    @Test("want no memory for strings that an order does not have")
    func strings() throws {
        for var order in try PlanSamples.orders() {
            // argument_count and environment_count are its last two.
            let end = 1 + MemoryLayout<launch_order>.size
            order.replaceSubrange(end - 4..<end, with: [0xFF, 0xFF, 0xFF, 0xFF])
            let result = PlanSamples.result(ofOrder: order)
            #expect(result.complaint == nil)
            // A program that a rule names gets none of them.
            #expect(result.becameJob == (order[0] == UInt8(FALSE_MODE_RESTRICTED.rawValue)))
        }
    }
}
