import ArgumentParser
import Impersonation
import SystemPackage

/// The values of `--sudo-profile`.
enum SudoProfileChoice: String, ExpressibleByArgument, CaseIterable {
    /// Any program as the account.
    case account

    /// The programs that the rule names, with an environment that `sudo` makes.
    case restricted

    /// Behind the login shell of the account (`sudo -i`).
    case login

    /// In a session of `su` (`sudo su - NAME -c ...`).
    case su

    /// The profile.
    var profile: SudoProfile {
        switch self {
        case .account: .account
        case .restricted: .restricted
        case .login: .login
        case .su: .substitute()
        }
    }
}

/// How the backend `sudo` is set up.
struct SudoOptions: ParsableArguments {
    @Option(name: .customLong("sudo"), help: ArgumentHelp("Where sudo is, for the backend sudo.", valueName: "path"))
    var program = SudoLauncher.usualSudo.string

    @Option(
        name: .customLong("sudo-launcher"),
        help: ArgumentHelp("Where the launcher program is that the rules of sudo permit.", valueName: "path")
    )
    var launcher = SudoLauncher.usualLauncher.string

    @Option(name: .customLong("sudo-profile"), help: "In which of its ways sudo is asked.")
    var profile: SudoProfileChoice = .account

    @Flag(
        name: .customLong("sudo-names-group"),
        help: "Name the primary group to sudo as well, which a rule with groups permits (impersonate sudoers --group)."
    )
    var namesGroup = false

    /// The launcher.
    ///
    /// - Parameters:
    ///   - groups: Where jobs get cgroups of their own.
    ///   - password: What `sudo` gets when it asks.
    /// - Returns: The launcher.
    func backend(_ groups: ControlGroups?, password: SinglePassword?) -> SudoLauncher {
        var profile = profile.profile
        profile.namesGroup = namesGroup
        return SudoLauncher(
            sudo: FilePath(program),
            launcher: FilePath(launcher),
            profile: profile,
            authentication: password.map { password in .password { password.take() } } ?? .none,
            controlGroups: groups
        )
    }
}
