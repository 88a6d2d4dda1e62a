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
    case sudo

    var testDescription: String { rawValue }

    /// The privileges of the helper, where the way leads through one.
    var helper: RunningHelper.Privileges? {
        switch self {
        case .isolated, .direct, .sudo: nil
        case .helperAsRoot, .session: .root
        case .helperWithTwoCapabilities: .twoCapabilities
        }
    }

    /// A service that lets everybody in and changes nothing: `Scripts/testbed.d/etc/pam.d`.
    static let service = "open"

    /// Lines of the helper's policy.
    var policy: [String] { self == .session ? ["pam-services = \(Self.service)"] : [] }

    /// The launcher of the way.
    ///
    /// - Parameter socket: Where the helper listens.
    /// - Returns: The launcher.
    func launcher(_ socket: FilePath) -> any ProcessLauncher {
        switch self {
        case .isolated: SetUIDLauncher(isolation: .isolated)
        case .direct: SetUIDLauncher(isolation: .direct)
        case .helperAsRoot: SystemHelperLauncher(socket: socket)
        case .helperWithTwoCapabilities: SystemHelperLauncher(socket: socket, helperUserIDs: [RunningHelper.account])
        case .session: PAMLauncher(through: SystemHelperLauncher(socket: socket), service: Self.service)
        case .sudo: SudoLauncher.ofTheBed()
        }
    }
}
