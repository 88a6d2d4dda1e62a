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
        try client.tell(.hello(version: 1))
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

    /// What sockets a process has, by their numbers; empty for one that has ended.
    private func sockets(of process: pid_t) -> Set<String> {
        let place = "/proc/\(process)/fd"
        return Set(
            namesIn(place)
                .compactMap { name in
                    var target = [CChar](repeating: 0, count: 64)
                    let size = unsafe readlink("\(place)/\(name)", &target, target.count)
                    let bytes = target.prefix(max(size, 0)).map { UInt8(bitPattern: $0) }
                    let text = String(decoding: bytes, as: UTF8.self)
                    return text.hasPrefix("socket:[") ? String(text.dropFirst(8).dropLast()) : nil
                }
        )
    }

    /// The sockets that listen at a place (`/proc/net/unix`).
    private func listeners(at place: FilePath) throws -> Set<String> {
        let lines = try ProcFile.read("/proc/net/unix").split(separator: "\n").map { $0.split(separator: " ") }
        return Set(lines.filter { $0.count == 8 && $0[7] == place.string }.map { String($0[6]) })
    }

    @Test(
        "asks names with a process that does not hold its socket: one that hangs keeps no helper from listening",
        .scriptedNSS
    )
    func silentNamesHoldNothing() async throws {
        let nss = try ScriptedNSS()
        try nss.freeze()
        let deadline = ContinuousClock.now + ample
        var asked: Set<String>?
        // It is there for a second, in which this may have no processor.
        while asked == nil, ContinuousClock.now < deadline {
            let helper = try RunningHelper(policy: ["peers = 0"])
            let listening = try listeners(at: helper.socket)
            try #require(listening.count == 1)
            #expect(sockets(of: helper.process).isSuperset(of: listening))
            // Those that wait for daemons come afterwards.
            while asked == nil, helper.monitors.count < 4, ContinuousClock.now < deadline {
                for process in helper.monitors {
                    // The module is there in who has asked it alone.
                    let maps = (try? ProcFile.read(FilePath("/proc/\(process)/maps"))) ?? ""
                    guard maps.contains("libnss_hesiod") else { continue }
                    let held = sockets(of: process)
                    guard (try? ProcessStat(of: process))?.hasEnded == false else { continue }
                    asked = held.intersection(listening)
                }
            }
            helper.stop(SIGKILL)
        }
        #expect(asked == [])
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
