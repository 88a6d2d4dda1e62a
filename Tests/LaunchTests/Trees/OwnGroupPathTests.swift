import Damage
import SystemPackage
import Testing

@testable import LaunchPlan

@Suite("The place of a process's own group")
struct OwnGroupPathTests {
    @Test("is below the first mount that has it and can be written to")
    func places() throws {
        let samples = ControlGroupOracle.samples
        #expect(try ControlGroupOracle.path(of: samples[0]) == "/sys/fs/cgroup/system.slice/worker.service")
        #expect(try ControlGroupOracle.path(of: samples[1]) == "/own/leaf")
        #expect(try ControlGroupOracle.path(of: samples[2]) == "/sys/fs/cgroup/other")
    }

    @Test("is told to be none where it cannot be named, with the reason")
    func refusals() throws {
        let samples = ControlGroupOracle.samples
        for (sample, words) in [
            (samples[3], "the group of this process, /../other, is not in its cgroup namespace"),
            (samples[4], "cgroup v2 is mounted read-only at /sys/fs/cgroup"),
            (Array("1:cpu:/\n".utf8), "this kernel has no cgroup v2"),
            (Array("0::/a\n\u{1D}24 1 0:22 / /sys rw - sysfs sysfs rw\n".utf8), "mounted nowhere"),
            // One of another root has nothing of it.
            (Array("0::/ab\n\u{1D}31 24 0:27 /a /x rw - cgroup2 cgroup2 rw\n".utf8), "mounted nowhere"),
        ] {
            let error = #expect(throws: ControlGroupError.self) { try ControlGroupOracle.path(of: sample) }
            let text = try #require(error).message
            #expect(text.contains(words), "\(text)")
        }
    }

    @Test("leads out of no mount in 20,000 damaged files")
    func damaged() throws {
        var generator = ByteDamage(seed: 31)
        for _ in 0..<20_000 {
            let original = try #require(ControlGroupOracle.samples.randomElement(using: &generator))
            let bytes = generator.damage(original, with: Array("/. \n-:,ro0\u{1D}".utf8) + [0x00, 0xFF])
            let complaint = ControlGroupOracle.complaint(about: bytes)
            try #require(complaint == nil, "\(complaint ?? ""): \(bytes)")
        }
    }
}
