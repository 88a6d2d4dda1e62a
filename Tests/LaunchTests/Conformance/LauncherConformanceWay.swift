import ImpersonationTesting
import SystemPackage
import Testing

@testable import Impersonation

/// A way of the library from a daemon to a job, as the published conformance suite sees it.
enum LauncherConformanceWay: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case isolated
    case isolatedInGroup
    case direct
    case helperAsRoot
    case helperAsRootInGroup
    case helperWithTwoCapabilities
    case helperWithTwoCapabilitiesInGroup
    case pam
    case sharedSession
    case shippedSession
    case sudo
    case sudoWithoutSignals
    case sudoByRust
    case current

    var testDescription: String { rawValue }

    /// Those of a daemon that is root.
    static let ofRoot: [Self] = [.isolated, .direct] + inGroups.filter { $0.helper == nil }

    /// Those that lead through a helper.
    static let throughHelper: [Self] =
        [
            .helperAsRoot, .helperWithTwoCapabilities, .pam, .sharedSession, .shippedSession,
        ] + inGroups.filter { $0.helper != nil }

    /// Those where jobs have cgroups; none where the bed has no place for them.
    static let inGroups: [Self] =
        TestBed.controlGroups.isEmpty
        ? [] : [.isolatedInGroup, .helperAsRootInGroup, .helperWithTwoCapabilitiesInGroup]

    /// The privileges of the helper, where the way leads through one.
    var helper: RunningHelper.Privileges? {
        switch self {
        case .isolated, .isolatedInGroup, .direct, .sudo, .sudoWithoutSignals, .sudoByRust, .current: nil
        case .helperAsRoot, .helperAsRootInGroup, .pam, .sharedSession, .shippedSession: .root
        case .helperWithTwoCapabilities, .helperWithTwoCapabilitiesInGroup: .twoCapabilities
        }
    }

    /// The same way as ``LaunchContractTests`` knows it, where it leads through a session of PAM.
    var session: LaunchWay? {
        switch self {
        case .pam: .session
        case .sharedSession: .sharedSession
        case .shippedSession: .shippedSession
        default: nil
        }
    }

    /// Those of a daemon that has a rule in sudoers.
    static let throughSudo: [Self] = [.sudo, .sudoWithoutSignals] + (TestBed.hasSudoRust ? [.sudoByRust] : [])

    /// Whether jobs get cgroups.
    var hasControlGroups: Bool { Self.inGroups.contains(self) }

    /// What the way cannot promise.
    var exemptions: Set<LauncherExemption> {
        let limits: Set<LauncherExemption> = hasControlGroups && TestBed.hasControllers ? [] : [.treeLimitsAreRefused]
        let others: Set<LauncherExemption> =
            switch self {
            case .isolated, .isolatedInGroup, .direct: []
            case .helperAsRoot, .helperAsRootInGroup, .pam, .sharedSession: [.jobsAreNotTakenOver]
            // Its pam_env reads /etc/environment.
            case .shippedSession: [.jobsAreNotTakenOver, .sessionHasVariables]
            case .helperWithTwoCapabilities, .helperWithTwoCapabilitiesInGroup:
                [.boundingSetIsKept, .jobsAreNotTakenOver, .terminalsAreRefused]
            case .current: [.boundingSetIsKept]
            case .sudo, .sudoByRust: [.boundingSetIsKept, .jobsAreNotTakenOver]
            case .sudoWithoutSignals: [.boundingSetIsKept, .jobsAreNotTakenOver, .onlyTheFirstProcessIsEnded]
            }
        return limits.union(others)
    }

    private func launcher(_ socket: FilePath) throws -> any ProcessLauncher {
        switch self {
        case .isolated: SetUIDLauncher(isolation: .isolated)
        case .isolatedInGroup:
            SetUIDLauncher(isolation: .isolated, controlGroups: try ControlGroups(below: TestBed.controlGroups))
        case .direct: SetUIDLauncher(isolation: .direct)
        case .helperAsRoot, .helperAsRootInGroup: SystemHelperLauncher(socket: socket)
        case .helperWithTwoCapabilities, .helperWithTwoCapabilitiesInGroup:
            SystemHelperLauncher(socket: socket, helperUserIDs: [UserID(RunningHelper.account)])
        case .pam: LaunchWay.session.launcher(socket)
        case .sharedSession: LaunchWay.sharedSession.launcher(socket)
        case .shippedSession: LaunchWay.shippedSession.launcher(socket)
        case .sudo: SudoLauncher.ofTheBed()
        case .sudoWithoutSignals: SudoLauncher.ofTheBed(signalsThroughSudo: false)
        case .sudoByRust: SudoLauncher.ofTheBedByRust()
        case .current: CurrentUserLauncher()
        }
    }

    /// The way's launcher with an account of the bed.
    ///
    /// - Parameter socket: Where the helper listens, for the ways through one.
    /// - Returns: The subject.
    /// - Throws: When the bed has no such account.
    func subject(socket: FilePath = "") async throws -> LauncherUnderTest {
        let person = self == .current ? TestBed.bob : TestBed.alice
        let account = try await person.identity.account
        return LauncherUnderTest(
            try launcher(socket),
            as: try await .forTesting(account: account, mode: self == .current ? .desktop : .user),
            exemptions: exemptions,
            patience: ample
        )
    }
}
