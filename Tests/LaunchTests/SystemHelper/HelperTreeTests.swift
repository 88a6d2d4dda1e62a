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
        "are all ended with it without a cgroup, also daemons that have left their session, and the report says that this is weaker",
        arguments: StubbornJob.all,
        RunningHelper.Privileges.allCases
    )
    func withoutControlGroup(_ name: String, _ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(privileges, policy: ["peers = 0"])
        for ending in JobEnding.allCases {
            let label = "\(name), \(privileges), \(ending), no group"
            let process = try await StubbornJob.start(name, launcher(helper), label: label)
            #expect(process.report.containment == .session)
            let report = try await ending.end(process)
            #expect(report.remainingProcesses == 0)
            #expect(report.interruption == ending.interruption)
            #expect(try StubbornJob.leftovers(of: label) == [])
        }
    }
}
