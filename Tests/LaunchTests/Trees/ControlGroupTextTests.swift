import Damage
import Testing

@testable import LaunchPlan

@Suite("The names and files of cgroups")
struct ControlGroupTextTests {
    @Test(
        "a name that this library does not give is nobody's",
        arguments: [
            "job-+1-1-1-1-a", "job-01-1-1-1-a", "job-1-01-1-1-a", "job-0-1-1-1-a", "job--1-1-1-1-a", "kept-1-1-1-a",
            "Job-1-1-1-1-a",
            "job-1-1-1-1-", "job-1-1-1-1-a-b", "job-1-1-1-1-a-\u{301}", "job-1-1-1-18446744073709551616-a",
        ]
    )
    func names(_ text: String) {
        #expect(ControlGroupName(text) == nil)
    }

    @Test("a name that it gives is read again")
    func fresh() throws {
        for kind in ControlGroupName.Kind.allCases {
            let text = ControlGroupName.fresh(kind)
            #expect(try #require(ControlGroupName(text)).kind == kind)
        }
    }

    @Test("are read the same by everybody in 20,000 damaged ones")
    func damaged() throws {
        var generator = ByteDamage(seed: 65)
        for sample in ControlGroupFileOracle.samples { #expect(ControlGroupFileOracle.complaint(about: sample) == nil) }
        for _ in 0..<20_000 {
            let original = try #require(ControlGroupFileOracle.samples.randomElement(using: &generator))
            let bytes = generator.damage(original, with: Array("-\n 0123456789+\r".utf8) + [0x00, 0xCC, 0x81, 0xFF])
            let complaint = ControlGroupFileOracle.complaint(about: bytes)
            try #require(complaint == nil, "\(complaint ?? ""): \(bytes)")
        }
    }
}
