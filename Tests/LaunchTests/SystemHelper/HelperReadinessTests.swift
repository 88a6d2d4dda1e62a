import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("Ahead of launches the system helper", .testBed)
struct HelperReadinessTests {
    /// The processes that wait for daemons, once there are as many as there are to be.
    private func parked(_ helper: RunningHelper) async throws -> [pid_t] {
        let deadline = ContinuousClock.now + ample
        while ContinuousClock.now < deadline {
            let monitors = helper.monitors
            let areWaiting = monitors.allSatisfy { (try? ProcessStat(of: $0))?.state == UInt8(ascii: "S") }
            if monitors.count == 4, areWaiting { return monitors }
            try await Task.sleep(for: .milliseconds(2))
        }
        return helper.monitors
    }

    private func resident(_ process: pid_t) throws -> Int {
        try ProcFile.read(FilePath("/proc/\(process)/smaps_rollup")).split(separator: "\n")
            .first { $0.hasPrefix("Rss:") }
            .flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }

    @Test("rehearses without a word, a process or a place that stays", arguments: [true, false])
    func silence(_ hasSessions: Bool) async throws {
        let helper = try RunningHelper(
            policy: ["peers = 0", "maximum-jobs = 1", "maximum-jobs-per-peer = 1"]
                + (hasSessions ? ["pam-services = impersonation"] : [])
        )
        let parked = try await parked(helper)
        #expect(parked.count == 4)
        #expect(!helper.log.contains("root"), "\(helper.log)")
        #expect(!helper.log.contains("job of"), "\(helper.log)")
        let result = try await run(
            Command(.path("/bin/echo"), arguments: ["one"]),
            as: TestBed.alice.identity,
            helper.launcher
        )
        #expect(result.text == "one\n")
    }

    @Test("gives each process that waits the memory that a launch uses")
    func memory() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let whole = try resident(helper.process)
        for process in try await parked(helper) {
            // What a fork leaves it of the program is next to nothing.
            #expect(try resident(process) * 2 > whole, "process \(process)")
        }
    }
}
