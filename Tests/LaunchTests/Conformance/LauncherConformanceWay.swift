import ImpersonationTesting
import SystemPackage
import Testing

@testable import Impersonation

/// A way of the library from a daemon to a job, as the published conformance suite sees it.
enum LauncherConformanceWay: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case isolated
    case direct
    case helperAsRoot
    case helperWithTwoCapabilities
    case pam
    case sharedSession
    case shippedSession
    case sudo
    case sudoWithoutSignals
    case sudoByRust
    case current

    var testDescription: String { rawValue }

    /// Those of a daemon that is root.
    static let ofRoot: [Self] = [.isolated, .direct]

    /// Those that lead through a helper.
    static let throughHelper: [Self] = [
        .helperAsRoot, .helperWithTwoCapabilities, .pam, .sharedSession, .shippedSession,
    ]

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

    /// Whether jobs get cgroups: one way of a daemon that is root and one through a helper, where those can be limited.
    var hasControlGroups: Bool { [.isolated, .helperAsRoot].contains(self) && TestBed.hasControllers }

    /// What the way cannot promise.
    var exemptions: Set<LauncherExemption> {
        let limits: Set<LauncherExemption> = hasControlGroups ? [] : [.treeLimitsAreRefused]
        let others: Set<LauncherExemption> =
            switch self {
            case .isolated, .direct: []
            case .helperAsRoot, .pam, .sharedSession: [.jobsAreNotTakenOver]
            // Its pam_env reads /etc/environment.
            case .shippedSession: [.jobsAreNotTakenOver, .sessionHasVariables]
            case .helperWithTwoCapabilities: [.boundingSetIsKept, .jobsAreNotTakenOver, .terminalsAreRefused]
            case .current: [.boundingSetIsKept]
            case .sudo, .sudoByRust: [.boundingSetIsKept, .jobsAreNotTakenOver]
            case .sudoWithoutSignals: [.boundingSetIsKept, .jobsAreNotTakenOver, .onlyTheFirstProcessIsEnded]
            }
        return limits.union(others)
    }

    private func launcher(_ socket: FilePath) throws -> any ProcessLauncher {
        switch self {
        case .isolated:
            SetUIDLauncher(
                isolation: .isolated,
                controlGroups: try hasControlGroups ? ControlGroups(below: TestBed.controlGroups) : nil
            )
        case .direct: SetUIDLauncher(isolation: .direct)
        case .helperAsRoot: SystemHelperLauncher(socket: socket)
        case .helperWithTwoCapabilities:
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
