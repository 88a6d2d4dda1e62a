import ArgumentParser
import Impersonation

/// A launcher of this library, as it is named on the command line.
enum LauncherChoice: String, CaseIterable, ExpressibleByArgument {
    case isolated
    case direct
    case helper

    /// Makes the launcher.
    ///
    /// - Parameters:
    ///   - helper: The running helper, for the launcher that needs one.
    ///   - controlGroups: Where jobs of the isolated mode get cgroups; those of a helper are its policy's, and in direct mode
    ///     there are none.
    /// - Returns: The launcher.
    /// - Throws: ``BenchmarkError`` when a helper is needed and there is none.
    func launcher(_ helper: HelperProcess?, controlGroups: ControlGroups? = nil) throws -> any ProcessLauncher {
        switch self {
        case .isolated:
            return SetUIDLauncher(isolation: .isolated, controlGroups: controlGroups)
        case .direct:
            return SetUIDLauncher(isolation: .direct)
        case .helper:
            guard let helper else { throw BenchmarkError("the helper's launcher needs its program: --helper PATH") }
            return SystemHelperLauncher(socket: helper.socket)
        }
    }

    /// The launchers that are meant: those named, or else all there can be.
    static func meant(_ named: [LauncherChoice], hasHelper: Bool) -> [LauncherChoice] {
        named.isEmpty ? allCases.filter { $0 != .helper || hasHelper } : named
    }
}
