import Glibc
import LaunchPlan
public import SystemPackage

/// Starts a process as another account with `sudo`: the backend for daemons that have a rule in sudoers and nothing else.
///
/// `sudo` runs the launcher program of this package as the account, and the launcher becomes the job. Its only way to the daemon is
/// the socket that is its standard input: `sudo` closes every other descriptor and makes an environment of its own. Through it
/// come the environment, which so stands in no command line and needs no `SETENV`, the standard streams and the
/// other descriptors, and what the job is to be; and through it the kernel says who is at the other end. A launch that returns is
/// confirmed by that: the ids, all of the groups and the absence of capabilities are read back by the launcher and from `/proc`
/// before the job runs. A refusal of `sudo`, whose exit status is 1 like that of many a job, is never taken for a job's
/// end, nor the other way round.
///
/// What `sudo` cannot be made to give: the bounding set of capabilities stays as it is; a nice value below the daemon's and hard
/// limits above those that `sudo` and PAM leave need a privilege nobody has; the job cannot be taken over by a later daemon, nor end
/// with this one (``DaemonEndPolicy/end``); the usage of a job includes that of `sudo`. A terminal stays the daemon's.
///
/// What a daemon can do to its job afterwards is a question of its own, since it may not signal the account:
/// give jobs a cgroup (``ControlGroups``), or permit the launcher's signals, else only what `sudo` relays to the first process gets
/// there (``Containment/firstProcess``).
///
/// See `sudo(8)` and `sudoers(5)`; `impersonate sudoers` prints the rules.
public struct SudoLauncher: ProcessLauncher {
    /// Where `sudo` is, in full.
    ///
    /// Every step there has to be root's alone. Symbolic links are followed if they are, too.
    public let sudo: FilePath

    /// Where the launcher program is, in full; as the rule names it.
    public let launcher: FilePath

    /// In which of its ways `sudo` is asked.
    public let profile: SudoProfile

    /// How the daemon proves to `sudo` that it may.
    public let authentication: SudoAuthentication

    /// Where jobs get cgroups of their own, if they do.
    public let controlGroups: ControlGroups?

    /// Whether the rule permits the launcher to signal jobs (`launcher signal`), as one for the launcher with any arguments does.
    public let signalsThroughSudo: Bool

    /// Who tells how a job has ended whose `sudo` was lost.
    var kernelsWord = KernelsWord.ofOthers

    /// Whether anybody does.
    var isEndTold = KernelsWord.isTold

    /// The backend's name.
    public var backend: LaunchBackend { .sudo }

    /// Where packages put `sudo`.
    public static let usualSudo: FilePath = "/usr/bin/sudo"

    /// Where `make install-launcher` puts the launcher.
    public static let usualLauncher: FilePath = "/usr/libexec/impersonation-launcher"

    /// Creates a launcher.
    ///
    /// - Parameters:
    ///   - sudo: Where `sudo` is.
    ///   - launcher: Where the launcher program is.
    ///   - profile: In which of its ways `sudo` is asked.
    ///   - authentication: How the daemon proves that it may.
    ///   - controlGroups: Where jobs get cgroups of their own.
    ///   - signalsThroughSudo: Whether the rule permits the launcher to signal jobs.
    public init(
        sudo: FilePath = usualSudo,
        launcher: FilePath = usualLauncher,
        profile: SudoProfile = .account,
        authentication: SudoAuthentication = .none,
        controlGroups: ControlGroups? = nil,
        signalsThroughSudo: Bool = true
    ) {
        self.sudo = sudo
        self.launcher = launcher
        self.profile = profile
        self.authentication = authentication
        self.controlGroups = controlGroups
        self.signalsThroughSudo = signalsThroughSudo
    }

    /// Starts a command as an identity and waits until its program runs.
    ///
    /// A job of the very account that the daemon runs as needs no `sudo` and gets none.
    ///
    /// - Parameters:
    ///   - command: What is run.
    ///   - identity: Whom it runs as.
    /// - Returns: The running process.
    /// - Throws: ``LaunchError``; where `sudo` did not run the job, with its reason (``LaunchError/sudoRefusal``).
    public func launch(
        _ command: Command,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        let failures = LaunchFailureReporter(identity: identity, backend: backend)
        try failures.mustSwitchAccount()
        let daemon = DaemonFacts.current()
        guard daemon.userID != 0, daemon.groupID != 0, getuid() == daemon.userID, getgid() == daemon.groupID else {
            throw failures.failure(
                .unsuitableBackend,
                .prepare,
                nil,
                "this daemon is root, or in root's group, and needs no sudo; use the setuid backend, or run it as an account "
                    + "without privileges"
            )
        }
        let machinery = try LaunchMachinery.shared(for: identity, backend)
        if daemon.isOrdinaryAccount(ChildPlan.Credentials(identity.account)) {
            return try await TrampolineLaunch(
                command: command,
                identity: identity,
                backend: backend,
                kind: .keepAccount,
                controlGroups: controlGroups
            )
            .run(trampoline: machinery.trampoline, on: machinery.reactor) { plan, account in
                plan.keepingAccount(account, from: daemon, verifyingGroups: true)
            }
        }
        return try await SudoLaunch(
            command: command,
            identity: identity,
            launcher: self,
            machinery: machinery,
            daemon: daemon
        )
        .run()
    }
}
