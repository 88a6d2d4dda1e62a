import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchProtocol

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

    @Test("asks no module of PAM for anything, and leaves nobody and nothing behind")
    func sessions() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: service.policy + ["pam-session-idle = 3600"])
        let parked = try await parked(helper)
        #expect(parked.count == 4)
        #expect(helper.jobs.isEmpty)
        #expect(service.records.isEmpty)
        #expect(!helper.log.contains("session of"), "\(helper.log)")
        let job = try await PAMLauncher(helper, service)
            .launch(
                patient(Command(.path("/bin/true"))),
                as: TestBed.alice.identity
            )
        #expect(try await job.exitReport().status == .exited(0))
        #expect(service.stages.count { $0 == "open" } == 1)
    }

    @Test(
        "is held up by no name service that does not answer, from the first question on or a later one, and neither is it ended",
        .scriptedNSS,
        arguments: 0...3
    )
    func silentNames(answers: Int) async throws {
        let nss = try ScriptedNSS()
        try nss.freeze(afterAnswers: answers)
        let helper = try RunningHelper(policy: ["peers = 0"])
        let client = try RawClient(helper)
        try client.tell(.greeting)
        let isServed = try await isSoon {
            if case .frame(_)? = try? client.socket.receive() { true } else { false }
        }
        #expect(isServed)
        client.close()
        nss.thaw()
        let result = try await run(
            Command(.path("/bin/echo"), arguments: ["one"]),
            as: TestBed.alice.identity,
            helper.launcher
        )
        #expect(result.text == "one\n")
        #expect(helper.stop() == 0)
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
