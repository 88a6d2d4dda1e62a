import SystemPackage
import Testing

@testable import Impersonation

/// A way of the library from a daemon to a job of another account.
enum LaunchWay: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case isolated
    case direct
    case helperAsRoot
    case helperWithTwoCapabilities
    case sudo

    var testDescription: String { rawValue }

    /// The privileges of the helper, where the way leads through one.
    var helper: RunningHelper.Privileges? {
        switch self {
        case .isolated, .direct, .sudo: nil
        case .helperAsRoot: .root
        case .helperWithTwoCapabilities: .twoCapabilities
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
        case .helperWithTwoCapabilities: SystemHelperLauncher(socket: socket, helperUserIDs: [RunningHelper.account])
        case .sudo: SudoLauncher.ofTheBed()
        }
    }
}
