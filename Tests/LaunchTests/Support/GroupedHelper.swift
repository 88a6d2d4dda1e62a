import SystemPackage
import Testing

@testable import Impersonation

/// A helper whose jobs have cgroups, in a group that is delegated to its account, as a service manager starts it.
final class GroupedHelper {
    let unit: Unit
    let helper: RunningHelper
    private let account: UInt32

    /// Starts the helper.
    ///
    /// - Parameters:
    ///   - privileges: What it may do.
    ///   - policy: Lines of its policy beside those that every test needs.
    /// - Throws: When it ends instead.
    init(_ privileges: RunningHelper.Privileges, policy: [String] = []) throws {
        account = privileges == .twoCapabilities ? RunningHelper.account : 0
        unit = try Unit(for: account)
        let lines = policy + ["control-groups = \(unit.path)"]
        helper = try RunningHelper(privileges, policy: lines, in: unit.path)
    }

    /// A launcher that goes through it.
    var launcher: SystemHelperLauncher {
        SystemHelperLauncher(socket: helper.socket, helperUserIDs: [UserID(account)])
    }

    /// Ends the helper, and removes its group.
    func stop() async throws {
        helper.stop()
        try await unit.remove()
    }
}
