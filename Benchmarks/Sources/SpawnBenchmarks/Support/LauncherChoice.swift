import ArgumentParser
import Impersonation
import SystemPackage

/// A launcher of this library, as it is named on the command line.
enum LauncherChoice: String, CaseIterable, ExpressibleByArgument {
    case isolated
    case direct
    case helper

    /// Through a helper that has an account of its own, `CAP_SETUID` and `CAP_SETGID`.
    case limitedHelper = "limited-helper"

    /// The same with `CAP_SYS_NICE`, by which it takes precedence over jobs.
    case precedentHelper = "precedent-helper"

    var needsHelper: Bool { self != .isolated && self != .direct }

    /// What the helper may do where it has an account of its own.
    private var capabilities: [String]? {
        switch self {
        case .isolated, .direct, .helper: nil
        case .limitedHelper: ["setuid", "setgid"]
        case .precedentHelper: ["setuid", "setgid", "sys_nice"]
        }
    }

    /// Starts the helper that the launcher goes through.
    ///
    /// - Parameters:
    ///   - program: The path of `impersonation-helper`.
    ///   - controlGroups: Where its jobs get cgroups of their own, if they do.
    /// - Returns: The helper; `nil` where the launcher needs none.
    /// - Throws: ``BenchmarkError`` when a helper is needed and there is none.
    func start(_ program: String?, controlGroups: String? = nil) throws -> HelperProcess? {
        guard needsHelper else { return nil }
        guard let program else { throw BenchmarkError("the launcher \(rawValue) needs its program: --helper PATH") }
        return try HelperProcess(program, controlGroups: controlGroups, limitedTo: capabilities)
    }

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
        case .helper, .limitedHelper, .precedentHelper:
            guard let helper else { throw BenchmarkError("the launcher \(rawValue) needs its program: --helper PATH") }
            return SystemHelperLauncher(socket: helper.socket, helperUserIDs: [UserID(helper.account)])
        }
    }

    /// The launchers that are meant: those named, or else all there can be.
    static func meant(_ named: [LauncherChoice], hasHelper: Bool) -> [LauncherChoice] {
        named.isEmpty ? allCases.filter { !$0.needsHelper || hasHelper } : named
    }
}
