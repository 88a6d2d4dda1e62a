import SystemPackage
import Testing

@testable import Impersonation

@Suite("Whatever way a job is started", .testBed)
struct LaunchContractTests {
    @Test("of a daemon that is root:", arguments: LaunchClaim.allCases, [LaunchWay.isolated, .direct])
    func asRoot(_ claim: LaunchClaim, _ way: LaunchWay) async throws {
        let claim = claim.rawValue
        let way = way.rawValue
        await #expect(processExitsWith: .success) { [claim = claim as String, way = way as String] in
            let claim = try #require(LaunchClaim(rawValue: claim))
            try await claim.prove(try #require(LaunchWay(rawValue: way)).launcher(""))
        }
    }

    @Test(
        "of a daemon without any privilege:",
        arguments: LaunchClaim.allCases,
        [LaunchWay.helperAsRoot, .helperWithTwoCapabilities, .session, .sharedSession, .shippedSession]
    )
    func withoutPrivilege(_ claim: LaunchClaim, _ way: LaunchWay) async throws {
        let helper = try RunningHelper(try #require(way.helper), policy: way.policy)
        let claim = claim.rawValue
        let way = way.rawValue
        await #expect(processExitsWith: .success) {
            [claim = claim as String, way = way as String, socket = helper.socket.string as String] in
            becomeUnprivilegedDaemon()
            let claim = try #require(LaunchClaim(rawValue: claim))
            let way = try #require(LaunchWay(rawValue: way))
            let launcher = way.launcher(FilePath(socket))
            try await way.prepare(launcher)
            try await claim.prove(launcher)
        }
        helper.stop()
    }

    @Test(
        "where jobs have cgroups:",
        .controlGroups,
        arguments: LaunchClaim.allCases,
        [LaunchWay.isolated, .helperAsRoot, .helperWithTwoCapabilities]
    )
    func inControlGroups(_ claim: LaunchClaim, _ way: LaunchWay) async throws {
        let grouped = try way.helper.map { try GroupedHelper($0) }
        let claim = claim.rawValue
        let way = way.rawValue
        let socket = grouped?.helper.socket.string ?? ""
        await #expect(processExitsWith: .success) {
            [claim = claim as String, way = way as String, socket = socket as String] in
            let claim = try #require(LaunchClaim(rawValue: claim))
            let way = try #require(LaunchWay(rawValue: way))
            let launcher: any ProcessLauncher
            if way.helper == nil {
                launcher = SetUIDLauncher(controlGroups: try ControlGroups(below: TestBed.controlGroups))
            } else {
                becomeUnprivilegedDaemon()
                launcher = way.launcher(FilePath(socket))
            }
            try await claim.prove(launcher)
            let process = try await launcher.launch(
                patient(Command(.path("/bin/true"))),
                as: TestBed.alice.identity
            )
            guard case .controlGroup = process.report.containment else {
                Issue.record("the job has no cgroup: \(process.report.containment)")
                return
            }
            _ = try await process.exitReport()
        }
        try await grouped?.stop()
    }

    @Test("of a daemon that has a rule in sudoers:", arguments: LaunchClaim.allCases)
    func behindSudo(_ claim: LaunchClaim) async throws {
        let claim = claim.rawValue
        await #expect(processExitsWith: .success) { [claim = claim as String] in
            becomeUnprivilegedDaemon()
            try await #require(LaunchClaim(rawValue: claim)).prove(SudoLauncher.ofTheBed())
        }
    }

    @Test("of a daemon that has a rule for sudo-rs:", .sudoRust, arguments: LaunchClaim.allCases)
    func behindRust(_ claim: LaunchClaim) async throws {
        let claim = claim.rawValue
        await #expect(processExitsWith: .success) { [claim = claim as String] in
            becomeUnprivilegedDaemon()
            try await #require(LaunchClaim(rawValue: claim)).prove(SudoLauncher.ofTheBedByRust())
        }
    }
}
