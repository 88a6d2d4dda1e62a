import Foundation
import Impersonation
import SystemPackage
import Testing

/// Each test makes the service forget what it knows first: what it remembers it answers during an outage too.
@Suite("Launches while a directory does not answer", .serialized, .timeLimit(.minutes(10)))
struct LaunchOutageTests {
    /// How long a job of a local account takes at most, from its login on, that waits for nobody: a launch that waits takes until its
    /// deadline, which is `patience`.
    private static let promptly = impatience + .seconds(20)

    /// Launches a job that says which groups it has.
    private func groups(
        of identity: ExecutionIdentity,
        _ launcher: any ProcessLauncher,
        within deadline: Duration = patience
    ) async throws -> Set<UInt32> {
        var command = Command(.path("/usr/bin/id"), arguments: ["-G"])
        command.workingDirectory = .path("/")
        command.standardOutput = .captured(limit: 1 << 16)
        command.startDeadline = deadline
        let process = try await launcher.launch(command, as: identity)
        let text = try await process.exitReport().standardOutput?.text ?? ""
        return Set(text.split(whereSeparator: \.isWhitespace).compactMap { UInt32($0) })
    }

    /// Decides as whom alice runs, and launches a job of hers.
    private func expectAlice(
        _ launcher: any ProcessLauncher,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let begin = ContinuousClock.now
        var site = Site()
        site.deadline = impatience
        let identity = try #require(try await site.resolve("alice").identity, sourceLocation: sourceLocation)
        let groups = try await groups(of: identity, launcher)
        #expect(groups == [2_001, 3_001, 3_002], sourceLocation: sourceLocation)
        #expect(ContinuousClock.now - begin < Self.promptly, sourceLocation: sourceLocation)
    }

    /// Expects a launch that nothing comes of in time.
    private func expectUnavailable(
        _ identity: ExecutionIdentity,
        _ launcher: any ProcessLauncher,
        within deadline: Duration = impatience,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let begin = ContinuousClock.now
        let error = await #expect(throws: LaunchError.self, sourceLocation: sourceLocation) {
            try await groups(of: identity, launcher, within: deadline)
        }
        #expect(error?.code == .directoryUnavailable, "\(error?.message ?? "")", sourceLocation: sourceLocation)
        #expect(ContinuousClock.now - begin < Self.promptly, sourceLocation: sourceLocation)
    }

    /// What launches, as each is called.
    private func launchers(_ helper: SessionHelper) async throws -> [any ProcessLauncher] {
        [
            SetUIDLauncher(), SetUIDLauncher(isolation: .direct), helper.launcher, try await helper.launcher("unix"),
            try await helper.launcher("permit"),
        ]
    }

    /// Local accounts run, accounts of the domain are unavailable, and when the service is back both run.
    ///
    /// - Parameters:
    ///   - service: What is frozen.
    ///   - name: An account of the domain.
    ///   - domainGroups: Its groups.
    /// - Throws: What keeps it from being looked at.
    private func expectLaunches(while service: String, _ name: String, _ domainGroups: Set<UInt32>) async throws {
        let helper = try await SessionHelper(rules: ["denied-groups = bob"])
        let launchers = try await launchers(helper)
        let identity = try #require(try await Site().resolve(name).identity)
        try await Control.forget()
        try await Control.without(service, isFrozen: true) {
            for launcher in launchers { try await expectAlice(launcher) }
            for launcher in launchers.dropFirst(2) {
                try await expectUnavailable(identity, launcher)
            }
            var site = Site()
            site.deadline = impatience
            let undecided = await #expect(throws: ResolutionError.self) { try await site.resolve(name) }
            #expect(undecided?.code == .directoryUnavailable)
            // Who asks nobody waits for nobody.
            for launcher in launchers.prefix(2) {
                #expect(try await groups(of: identity, launcher) == domainGroups)
            }
        }
        for launcher in launchers {
            try await expectAlice(launcher)
            #expect(try await groups(of: identity, launcher) == domainGroups)
        }
    }

    @Test(
        "are not delayed for local accounts, and say so for those of the domain",
        .on(.winbind),
        arguments: ["winbind", "directory"]
    )
    func winbind(service: String) async throws {
        try await expectLaunches(while: service, #"MYCORP\someuser"#, [10_513, 11_103, 11_115, 11_116])
    }

    @Test(
        "are not delayed for local accounts, and say so for those of the domain (SSSD)",
        .on(.sssd),
        arguments: ["sssd", "directory"]
    )
    func sssd(service: String) async throws {
        try await expectLaunches(
            while: service,
            "someuser@mycorp.test",
            [1_940_600_513, 1_940_601_115, 1_940_601_116]
        )
    }

    @Test("go on where a group denies accounts: winbind knows no groups of local ones", .on(.winbind))
    func deniedByWinbind() async throws {
        let helper = try await SessionHelper(rules: ["denied-accounts = @bob"])
        try await Control.without("winbind", isFrozen: true) {
            for launcher in try await launchers(helper) { try await expectAlice(launcher) }
        }
    }

    @Test("are refused where a line denies the account that the C library alone takes for one", .on(.winbind))
    func deniedByOddLine() async throws {
        let identity = try #require(try await Site().resolve("alice").identity)
        let file = URL(filePath: "/etc/group")
        let former = try Data(contentsOf: file)
        defer { try? former.write(to: file) }
        // A blank before a member, and a comment, which are members of groups to `getgrouplist(3)`.
        try (former + Data("odd:x:64902:bob, alice\nodder:x:64903:\n#x:x:64903:alice\n".utf8)).write(to: file)
        for group in ["odd", "odder"] {
            let helper = try await SessionHelper(rules: ["denied-accounts = @\(group)"])
            func expectRefusal() async throws {
                for launcher in [helper.launcher, try await helper.launcher("unix")] as [any ProcessLauncher] {
                    let error = await #expect(throws: LaunchError.self) { try await groups(of: identity, launcher) }
                    #expect(error?.code == .refused, "\(error?.message ?? "")")
                }
            }
            try await expectRefusal()
            try await Control.without("winbind", isFrozen: true) { try await expectRefusal() }
        }
    }

    @Test("wait where a group denies accounts: SSSD may list local ones for it", .on(.sssd))
    func deniedBySSSD() async throws {
        let helper = try await SessionHelper(rules: ["denied-accounts = @bob"])
        let identity = try #require(try await Site().resolve("alice").identity)
        try await Control.forget()
        try await Control.without("sssd", isFrozen: true) {
            try await expectUnavailable(identity, helper.launcher, within: patience)
            try await expectUnavailable(identity, try await helper.launcher("unix"), within: patience)
            var site = Site()
            site.deadline = impatience
            site.policy.accountRules = AccountRules([DeniedGroupsRule([.named("bob")])])
            let undecided = await #expect(throws: ResolutionError.self) { try await site.resolve("alice") }
            #expect(undecided?.code == .directoryUnavailable)
        }
        for launcher in try await launchers(helper) { try await expectAlice(launcher) }
    }
}
