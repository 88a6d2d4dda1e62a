import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The end of the process that keeps a session of PAM", .testBed)
struct SharedSessionKillTests {
    private static let idle = ["pam-session-idle = 3600"]

    @Test("ends its jobs in order when its process is killed, also where the helper may signal nobody else's")
    func withoutKill() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(.packagedWithoutKill, policy: service.policy + Self.idle)
        let launcher = PAMLauncher(helper, service, sessions: .shared(idleTime: .seconds(3_600)))
        let command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
        let alice = try await TestBed.alice.identity
        let jobs = [try await launcher.launch(command, as: alice), try await launcher.launch(command, as: alice)]
        // For the moment of a signal their processes take the account's id, which takes something of theirs away.
        for job in jobs {
            try job.send(Signal(rawValue: SIGSTOP))
            try await wait { KeptSessionProcesses.state(of: job.processID.rawValue) == "T" }
            try job.send(Signal(rawValue: SIGCONT))
        }
        #expect(kill(try KeptSessionProcesses(service).keeper, SIGKILL) == 0)
        for job in jobs { #expect(try await job.exitReport().status == .signaled(.terminate, coreDumped: false)) }
    }

    @Test("counts its jobs on when its process is killed, also where the helper has no descriptor to watch them with")
    func withoutDescriptors() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let limits = ["maximum-jobs = 2", "maximum-jobs-per-peer = 2"]
        let helper = try RunningHelper(policy: service.policy + Self.idle + limits)
        let launcher = PAMLauncher(helper, service, sessions: .shared(idleTime: .seconds(3_600)))
        let command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
        let alice = try await TestBed.alice.identity
        let jobs = [try await launcher.launch(command, as: alice), try await launcher.launch(command, as: alice)]
        let processes = try KeptSessionProcesses(service)
        // Four that wait for daemons, and that one.
        try await wait { helper.monitors.count == 5 && processes.withJobs.count == 2 }
        let answering = processes.withJobs
        for process in answering { try #require(kill(process, SIGSTOP) == 0) }
        var former: UInt64 = 0
        try #require(unsafe limit_open_files(helper.process, 3, &former) == 0)
        #expect(kill(processes.keeper, SIGKILL) == 0)
        try await wait {
            !helper.monitors.contains(processes.keeper) && KeptSessionProcesses.state(of: helper.process) == "S"
        }
        try #require(limit_open_files(helper.process, former, nil) == 0)
        let error = try await launchError(Command(.path("/bin/true")), as: alice, launcher)
        #expect(error.message.contains("too-many-jobs"))
        for process in answering { _ = kill(process, SIGCONT) }
        for job in jobs { #expect(try await job.exitReport().status == .signaled(.terminate, coreDumped: false)) }
        // Their places are free once they have ended.
        try await wait { KeptSessionProcesses.state(of: answering[0]) == nil }
        let isServed = try await isInTime {
            while true {
                let process = try? await launcher.launch(patient(Command(.path("/bin/true"))), as: alice)
                if try await process?.exitReport().status == .exited(0) { return }
            }
        }
        #expect(isServed)
    }
}
