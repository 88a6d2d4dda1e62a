import SystemPackage
import Testing

@testable import Impersonation

/// A way of the library from a daemon to a job of another account.
enum LaunchWay: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case isolated
    case direct
    case helperAsRoot
    case helperWithTwoCapabilities
    case session
    case sharedSession
    case shippedSession
    case sudo

    var testDescription: String { rawValue }

    /// The privileges of the helper, where the way leads through one.
    var helper: RunningHelper.Privileges? {
        switch self {
        case .isolated, .direct, .sudo: nil
        case .helperAsRoot, .session, .sharedSession, .shippedSession: .root
        case .helperWithTwoCapabilities: .twoCapabilities
        }
    }

    /// A service that lets everybody in and changes nothing: `Scripts/testbed.d/etc/pam.d`.
    static let service = "open"

    /// Lines of the helper's policy.
    var policy: [String] {
        switch self {
        case .session: ["pam-services = \(Self.service)"]
        case .sharedSession: ["pam-services = \(Self.service)", "pam-session-idle = 3600"]
        case .shippedSession: ["pam-services = \(PAMLauncher.defaultService)"]
        case .isolated, .direct, .helperAsRoot, .helperWithTwoCapabilities, .sudo: []
        }
    }

    /// Does what has to be done before a launch is one like any other: opens a session that others are to join.
    func prepare(_ launcher: any ProcessLauncher) async throws {
        guard self == .sharedSession else { return }
        for person in [TestBed.alice, TestBed.manyGroups] {
            let process = try await launcher.launch(patient(Command(.path("/bin/true"))), as: person.identity)
            try #require(process.report.session?.isShared == true)
            _ = try await process.exitReport()
        }
    }

    /// The launcher of the way.
    ///
    /// - Parameter socket: Where the helper listens.
    /// - Returns: The launcher.
    func launcher(_ socket: FilePath) -> any ProcessLauncher {
        switch self {
        case .isolated: SetUIDLauncher(isolation: .isolated)
        case .direct: SetUIDLauncher(isolation: .direct)
        case .helperAsRoot: SystemHelperLauncher(socket: socket)
        case .helperWithTwoCapabilities:
            SystemHelperLauncher(socket: socket, helperUserIDs: [UserID(RunningHelper.account)])
        case .session: PAMLauncher(through: SystemHelperLauncher(socket: socket), service: Self.service)
        case .sharedSession:
            PAMLauncher(
                through: SystemHelperLauncher(socket: socket),
                service: Self.service,
                sessions: .shared(idleTime: .seconds(3_600))
            )
        // Of Packaging/pam.d.
        case .shippedSession: PAMLauncher(through: SystemHelperLauncher(socket: socket))
        case .sudo: SudoLauncher.ofTheBed()
        }
    }
}
