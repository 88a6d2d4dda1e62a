import CLaunchPlan
import LaunchPlan
import SystemPackage

/// A command as the launcher is told of it, which depends on how it gets there.
struct SudoPreparation {
    let command: Command
    let identity: ExecutionIdentity
    let profile: SudoProfile

    /// Whether the job has the environment that a login shell in front of the launcher has made.
    private var keepsEnvironment: Bool { profile.passesShell && command.environment == .login }

    /// The command to work out.
    ///
    /// Where a login shell runs in front of the launcher, it has read the profile already.
    var described: Command {
        var described = command
        if keepsEnvironment { described.environment = .clean }
        return described
    }

    /// Why the way does not lead there; `nil` when it does.
    var problem: String? {
        if command.daemonEnd == .end {
            return
                "a job that was started by sudo cannot be tied to the end of this daemon; give it a cgroup and end what is "
                + "left when a daemon starts (ControlGroups.endLeftovers), or use the system helper"
        }
        guard profile.isRestricted else { return nil }
        guard command.environment == .clean, command.extraDescriptors.isEmpty, command.terminal == .none else {
            return
                "a rule for certain programs leaves their environment to sudo; use the clean environment, and neither extra "
                + "descriptors nor a terminal"
        }
        // sudo compares arguments joined by blanks.
        guard !program.unicodeScalars.contains(where: { [" ", "\t", "\n", "\u{B}", "\u{C}", "\r"].contains($0) }) else {
            return
                "a rule for certain programs does not mean one with white space in its path; install it where there is none"
        }
        guard command.fileModeCreationMask.isSuperset(of: [.groupWrite, .otherWrite]) else {
            return
                "a rule for certain programs does not let them make files that others can write; have 022 in "
                + "fileModeCreationMask"
        }
        guard command.argumentZero == nil else {
            return "a rule for certain programs is for them under their own names; leave argumentZero out"
        }
        let files = [command.standardOutput, command.standardError]
            .contains { if case .file = $0 { true } else { false } }
        if case .file = command.standardInput {
            return Self.filesRefused
        }
        return files ? Self.filesRefused : nil
    }

    private static let filesRefused =
        "a rule for certain programs does not let the daemon open files as the account; give the job descriptors or streams"

    /// The program that the launcher is named, and `sudo` is asked about.
    var program: String {
        command.environment == .login && !keepsEnvironment
            ? identity.account.shell.string : command.executable.spelling
    }

    /// What the launcher is told.
    ///
    /// - Parameters:
    ///   - plan: What it does.
    ///   - prepared: The command, worked out.
    /// - Returns: The order.
    func order(_ plan: EncodedPlan, _ prepared: PreparedLaunch) -> SudoOrder {
        var flags: UInt32 = 0
        if profile.passesShell { flags |= LAUNCH_ORDER_BRINGS_ARGUMENTS.rawValue }
        if keepsEnvironment { flags |= LAUNCH_ORDER_KEEPS_ENVIRONMENT.rawValue }
        let variables = prepared.environment.variables
        return SudoOrder(
            plan: plan.bytes,
            arguments: profile.passesShell ? prepared.arguments : Array(prepared.arguments.prefix(1)),
            environment: keepsEnvironment ? variables.filter { !Self.isOfTheAccount($0) } : variables,
            flags: flags
        )
    }

    private static func isOfTheAccount(_ variable: String) -> Bool {
        EnvironmentDangers.ofTheAccount.contains(String(variable.prefix { $0 != "=" }))
    }
}
