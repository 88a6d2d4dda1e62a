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
    @Option(
        name: .customLong("sudo"),
        help: ArgumentHelp(
            "Where sudo is, for the backend sudo; \(SudoLauncher.usualSudo) unless set.",
            valueName: "path"
        )
    )
    var namedProgram: String?

    @Option(
        name: .customLong("sudo-launcher"),
        help: ArgumentHelp(
            "Where the launcher program is that the rules of sudo permit; \(SudoLauncher.usualLauncher) unless set.",
            valueName: "path"
        )
    )
    var namedLauncher: String?

    @Option(
        name: .customLong("sudo-profile"),
        help: ArgumentHelp("In which of its ways sudo is asked; account unless set.", valueName: "profile")
    )
    var namedProfile: SudoProfileChoice?

    /// Where `sudo` is.
    var program: String { namedProgram ?? SudoLauncher.usualSudo.string }

    /// Where the launcher program is.
    var launcher: String { namedLauncher ?? SudoLauncher.usualLauncher.string }

    /// In which of its ways `sudo` is asked.
    var profile: SudoProfileChoice { namedProfile ?? .account }

    /// Those of the options that were given.
    var given: [String] {
        (namedProgram == nil ? [] : ["--sudo"]) + (namedLauncher == nil ? [] : ["--sudo-launcher"])
            + (namedProfile == nil ? [] : ["--sudo-profile"])
    }

    /// The launcher.
    ///
    /// - Parameters:
    ///   - groups: Where jobs get cgroups of their own.
    ///   - password: What `sudo` gets when it asks.
    ///   - namesGroup: Whether the primary group is named to `sudo`.
    /// - Returns: The launcher.
    func backend(_ groups: ControlGroups?, password: SinglePassword?, namesGroup: Bool) -> SudoLauncher {
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
