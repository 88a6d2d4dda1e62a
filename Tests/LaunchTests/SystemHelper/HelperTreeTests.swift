import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The processes of a job through the helper", .testBed)
struct HelperTreeTests {
    @Test(
        "are all ended with it where it has a cgroup, whatever ends it",
        .controlGroups,
        arguments: StubbornJob.all,
        RunningHelper.Privileges.allCases
    )
    func withControlGroup(_ name: String, _ privileges: RunningHelper.Privileges) async throws {
        let grouped = try GroupedHelper(privileges, policy: ["peers = 0"])
        for ending in JobEnding.allCases {
            let label = "\(name), \(privileges), \(ending)"
            let process = try await StubbornJob.start(name, grouped.launcher, label: label)
            guard case .controlGroup(let group) = process.report.containment else {
                Issue.record("the job has no cgroup: \(process.report.containment)")
                return
            }
            let report = try await ending.end(process)
            #expect(report.remainingProcesses == 0)
            #expect(report.interruption == ending.interruption)
            #expect(try StubbornJob.leftovers(of: label) == [])
            // The directory goes with the last process of the job.
            try await wait { !exists(group) }
        }
        try await grouped.stop()
    }

    private func launcher(_ helper: RunningHelper) -> SystemHelperLauncher {
        SystemHelperLauncher(socket: helper.socket, helperUserIDs: [UserID(0), UserID(RunningHelper.account)])
    }

    @Test(
        "are all ended with it without a cgroup, those that session and descent tell, and the report says that this is weaker",
        arguments: StubbornJob.survivors,
        RunningHelper.Privileges.allCases
    )
    func withoutControlGroup(_ name: String, _ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(privileges, policy: ["peers = 0"])
        for ending in JobEnding.allCases {
            let label = "\(name), \(privileges), \(ending), no group"
            let process = try await StubbornJob.start(name, launcher(helper), label: label)
            #expect(process.report.containment == .session)
            let report = try await ending.end(process)
            #expect(report.interruption == ending.interruption)
            // What was killed is a zombie until the init process has looked.
            try await wait { try StubbornJob.leftovers(of: label).isEmpty }
        }
    }

    @Test(
        "keep the account and nothing more without a cgroup, where they have left session and descent",
        arguments: StubbornJob.daemons,
        RunningHelper.Privileges.allCases
    )
    func daemons(_ name: String, _ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(privileges, policy: ["peers = 0"])
        let label = "\(name), \(privileges), daemons"
        let process = try await StubbornJob.start(name, launcher(helper), label: label)
        #expect(process.report.containment == .session)
        // The end is told whatever is left.
        let report = try await process.terminate(gracePeriod: .milliseconds(100))
        #expect(!report.status.isSuccess)
        // The loops of a swarm are found, and what they have started last ends by itself; one daemon at most stays.
        var left: [Int32] = []
        #expect(
            try await isSoon(within: ample) {
                left = try StubbornJob.leftovers(of: label)
                return left.count <= 1
            }
        )
        let id = TestBed.alice.userID
        for process in left {
            // It may be a moment from its end.
            guard let status = try? ProcFile.read(FilePath("/proc/\(process)/status")) else { continue }
            #expect(status.contains("\nUid:\t\(id)\t\(id)\t\(id)\t\(id)\n"))
            for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
                #expect(status.contains("\n\(set):\t0000000000000000\n"))
            }
            #expect(status.contains("\nNoNewPrivs:\t1\n"))
        }
        try await wait {
            for process in try StubbornJob.leftovers(of: label) { kill(process, SIGKILL) }
            return try StubbornJob.leftovers(of: label).isEmpty
        }
        // Nobody has to clean up before the next job.
        #expect(
            try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher(helper)).exit.status
                == .exited(0)
        )
    }
}
