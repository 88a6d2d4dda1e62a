import Glibc
import Testing

@testable import Impersonation

/// `RLIMIT_NICE` of `getrlimit(2)`, by which whoever starts a helper gives it precedence without `CAP_SYS_NICE`.
///
/// Only `CAP_SYS_RESOURCE` raises a limit, which root of a container may lack: `Scripts/machine`.
@Suite("A limit of priority that was raised for the helper", .testBed, .ownKernel)
struct PriorityLimitTests {
    /// As `LimitNICE=-10` of a unit.
    private static let starter = ["/usr/bin/prlimit", "--nice=30:30", "--"]

    /// The soft and the hard limit that a job has.
    private func limits(behind privileges: RunningHelper.Privileges) async throws -> [Substring] {
        let helper = try RunningHelper(
            privileges,
            policy: ["peers = 0"],
            leadingSession: true,
            startedBy: Self.starter
        )
        let script = "grep -i 'nice priority' /proc/self/limits"
        let job = try await runScript(script, as: TestBed.alice.identity, helper.anyLauncher)
        return job.text.split(whereSeparator: \.isWhitespace).suffix(2)
    }

    @Test(
        "is no job's, whatever else the helper may do: none may raise its priority",
        arguments: [RunningHelper.Privileges.root, .packaged, .twoCapabilities]
    )
    func isTheHelpers(_ privileges: RunningHelper.Privileges) async throws {
        #expect(try await limits(behind: privileges) == ["0", "0"])
    }
}
