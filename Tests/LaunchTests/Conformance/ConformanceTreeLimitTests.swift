import ImpersonationTesting
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The limits that the conformance suite for launchers asks for", .testBed, .controllers)
struct ConformanceTreeLimitTests {
    private let requirements = ProcessLauncherConformance.requirements.filter { $0.name.hasPrefix("a limit ") }

    @Test("are kept where jobs have cgroups", arguments: LauncherConformanceWay.inGroups)
    func kept(_ way: LauncherConformanceWay) async throws {
        let grouped = try way.helper.map { try GroupedHelper($0, policy: ["peers = 0"]) }
        #expect(requirements.count == 3)
        for requirement in requirements {
            try await requirement.check(way.subject(socket: grouped?.helper.socket ?? ""))
        }
        try await grouped?.stop()
    }

    @Test("are missed in a launcher that forgets them, and in one that claims to have none and keeps them")
    func notices() async throws {
        let groups = try ControlGroups(below: TestBed.controlGroups)
        let requirement = try #require(requirements.first)
        func subject(_ launcher: any ProcessLauncher, _ exemptions: Set<LauncherExemption>) async throws
            -> LauncherUnderTest
        {
            LauncherUnderTest(launcher, as: try await TestBed.alice.identity, exemptions: exemptions, patience: ample)
        }
        let forgetful = try await subject(FaultyLauncher(.ignoresTreeLimits, groups), [])
        await #expect(throws: ConformanceFailure.self) { try await requirement.check(forgetful) }
        let modest = try await subject(SetUIDLauncher(controlGroups: groups), [.treeLimitsAreRefused])
        await #expect(throws: ConformanceFailure.self) { try await requirement.check(modest) }
    }
}
