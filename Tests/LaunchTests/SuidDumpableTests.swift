import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// What a setting of the kernel must not open.
///
/// With `fs.suid_dumpable=1` the kernel opens the memory of each process that changes its ids, with 2 it has that memory written by
/// root where a core goes (`proc(5)`). It is the machine's, so a machine of its own is needed: `Scripts/machine`.
@Suite("Where fs.suid_dumpable opens processes", .testBed, .ownKernel, .serialized)
struct SuidDumpableTests {
    private static let ways: [LaunchWay] = [.isolated, .helperAsRoot, .helperWithTwoCapabilities]

    private static let setting: FilePath = "/proc/sys/fs/suid_dumpable"

    private func write(_ value: Int) throws {
        let file = try FileDescriptor.open(Self.setting, .writeOnly)
        try file.closeAfter { _ = try file.writeAll("\(value)\n".utf8) }
    }

    private func withSetting(_ value: Int, _ body: () async throws -> Void) async throws {
        try write(value)
        defer { try? write(0) }
        #expect(try ProcFile.read(Self.setting) == "\(value)\n")
        try await body()
    }

    @Test(
        "a process that has taken the account's ids is open to the account with 1, and with 2 it is not",
        arguments: [1, 2]
    )
    func control(_ value: Int) async throws {
        try await withSetting(value) {
            await #expect(processExitsWith: .success) { [value = value as Int] in
                #expect(DaemonState.witness > 0)
                let groups = TestBed.alice.groups
                #expect(unsafe setgroups(groups.count, groups) == 0)
                #expect(setgid(TestBed.alice.groupID) == 0)
                #expect(setuid(TestBed.alice.userID) == 0)
                #expect(process_dumpable() == Int32(value))
                let report = try await runProbe(
                    ["--read-parent-memory", "\(DaemonState.witness)"],
                    as: TestBed.alice.identity
                )
                guard value == 1 else {
                    return Attack.expectRefused(DaemonState.witness, in: report, but: Attack.ofTheSameAccount)
                }
                // Before Linux 6.9 no descriptor stands for a thread.
                #expect(Set(report.attempts.filter { !$0.succeeded }.map(\.call)).isSubset(of: ["pidfd_getfd"]))
            }
        }
    }

    @Test("daemon and job are what they are elsewhere", arguments: [1, 2], Self.ways)
    func claims(_ value: Int, _ way: LaunchWay) async throws {
        try await withSetting(value) {
            let helper = try way.helper.map { try RunningHelper($0, policy: way.policy) }
            let socket = helper?.socket.string ?? ""
            let way = way.rawValue
            await #expect(processExitsWith: .success) { [way = way as String, socket = socket as String] in
                let way = try #require(LaunchWay(rawValue: way))
                #expect(DaemonState.witness > 0)
                if way.helper != nil { becomeUnprivilegedDaemon() }
                let launcher = way.launcher(FilePath(socket))
                for claim: LaunchClaim in [.identity, .noWayBack, .daemonOutOfReach, .daemonUntouched] {
                    try await claim.prove(launcher)
                }
            }
            helper?.stop()
        }
    }

    @Test(
        "a child that has the account's ids already is out of its reach before its exec",
        arguments: [1, 2],
        Self.ways
    )
    func child(_ value: Int, _ way: LaunchWay) async throws {
        try await withSetting(value) {
            let helper = try way.helper.map { try RunningHelper($0, policy: way.policy) }
            let socket = helper?.socket.string ?? ""
            let way = way.rawValue
            await #expect(processExitsWith: .success) { [way = way as String, socket = socket as String] in
                let way = try #require(LaunchWay(rawValue: way))
                let held = try HeldLaunch(of: TestBed.alice.userID)
                if way.helper != nil { becomeUnprivilegedDaemon() }
                let launcher = way.launcher(FilePath(socket))
                let person = try await TestBed.alice.identity
                let launch = Task { try await launchError(held.command, as: person, launcher) }
                let child = try await held.child()
                let attacker = Command(.path(FilePath(TestBed.probe)), arguments: ["--read-memory", "\(child)"])
                let result = try await run(attacker, as: person, launcher)
                let report = try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
                Attack.expectRefused(child, in: report, but: Attack.ofTheSameAccount)
                launch.cancel()
                #expect(try await launch.value.code == .cancelled)
                try held.letGo()
            }
            helper?.stop()
        }
    }

    @Test("direct mode is refused, and leaves its daemon as it was", arguments: [1, 2])
    func direct(_ value: Int) async throws {
        try await withSetting(value) {
            await #expect(processExitsWith: .success) {
                let person = try await warmedUp(.isolated)
                let before = try await DaemonState.atRest()
                let launcher = SetUIDLauncher(isolation: .direct)
                let error = try await launchError(Command(.path("/bin/true")), as: person, launcher)
                #expect(error.code == .notPermitted)
                #expect(error.message.contains("where fs.suid_dumpable is not 0"))
                #expect(try await before.changes() == [])
            }
        }
    }
}
