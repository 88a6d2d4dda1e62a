public import SystemPackage

/// In which of its ways `sudo` is asked for the account of a job, which is what its rule has to permit.
///
/// Whatever the way, `sudo` runs the launcher program of this package, which then becomes the job; the numbers of the account
/// are proven by the kernel in each of them.
public struct SudoProfile: Sendable, Hashable {
    enum Way: Sendable, Hashable {
        case account
        case login
        case substitute(FilePath)
    }

    let way: Way

    /// Whether the environment of the job is none of the daemon's business either, and neither are files for its streams: what a
    /// rule needs that is to permit certain programs only.
    let isRestricted: Bool

    /// Whether the primary group is named to `sudo` (`-g '#gid'`), which the rule then has to permit.
    ///
    /// Needed where the primary group of the identity is not the one that the name service gives the account.
    public var namesGroup = false

    private init(_ way: Way, isRestricted: Bool = false) {
        self.way = way
        self.isRestricted = isRestricted
    }

    /// `sudo -n -H -u '#uid' -- launcher run PROGRAM ARGUMENT...`: any program as the account.
    ///
    /// Program and arguments are what `sudo` logs. The environment is the one of the command, byte for byte.
    public static let account = SudoProfile(.account)

    /// `sudo -n -H -u '#uid' -- launcher restricted PROGRAM ARGUMENT...`: the programs that the rule names.
    ///
    /// The environment is `HOME`, `USER`, `LOGNAME` and `SHELL` as `sudo` gives them, and `PATH`: a daemon that could choose
    /// variables could make most programs run another one. So it takes ``EnvironmentPolicy/clean`` and nothing that adds a
    /// variable, and files cannot be streams (``StandardStream/Input/file(_:)``): the account would open them. `argv[0]` is the
    /// program, which has no white space in it, and ``Command/fileModeCreationMask`` has 022. The working directory and limits stay
    /// the daemon's to say.
    public static let restricted = SudoProfile(.account, isRestricted: true)

    /// `sudo -n -H -i -u '#uid' -- launcher session`: the account's login shell runs first, reads its profile, and becomes the
    /// launcher.
    ///
    /// With ``EnvironmentPolicy/login`` the job has the environment that the profile has made; otherwise that of the command.
    /// Program, arguments and environment do not pass the shell.
    public static let login = SudoProfile(.login)

    /// `sudo -n -- su - NAME -c 'exec launcher session'`: a session of `su`, as Apache Linkis starts its engines.
    ///
    /// The rule names the account and this one command; one for `su` with any arguments is as good as root. `su` tells a job that was ended by a signal as one that has exited
    /// with 128 and the number. Program, arguments and environment do not pass the shell.
    ///
    /// - Parameter program: Where `su` is.
    /// - Returns: The profile.
    public static func substitute(_ program: FilePath = "/usr/bin/su") -> SudoProfile {
        SudoProfile(.substitute(program))
    }

    /// Whether a shell of the account runs before the job, with the socket to the daemon in its hands.
    var passesShell: Bool { way != .account }
}
