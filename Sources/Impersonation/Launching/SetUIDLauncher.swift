import LaunchPlan

/// Starts a process as another account by the kernel's own system calls: the `setuid` backend.
///
/// The daemon is root, or has `CAP_SETUID` and `CAP_SETGID`. No credential is needed. A job of the very account that the
/// daemon runs as needs no switch and so no right to one; that it has that account is proven all the same.
///
/// By default a launch is *isolated*: the daemon clones a child that becomes a tiny static program, the trampoline,
/// while it is still the daemon's own; only the trampoline, in an address space of its own, switches to the account, proves the
/// switch, and becomes the job. Nothing of the daemon is ever within reach of a process that belongs to the account.
///
/// See `setgroups(2)`, `setresgid(2)`, `setresuid(2)`, `capset(2)`.
public struct SetUIDLauncher: ProcessLauncher {
    /// What stands between the daemon and the process on its way to the account.
    public enum Isolation: String, Sendable, Hashable, CaseIterable {
        /// An address space of its own: the default, and safe against every process of the account.
        case isolated

        /// None but the kernel's: the child shares the daemon's memory until its exec.
        ///
        /// It saves the exec of a tiny program, about a tenth of the time that `/bin/true` takes, but waits for a thread that
        /// may stand still. What is given up: the daemon's dumpable flag is cleared at the first
        /// launch (`PR_GET_DUMPABLE` becomes `fs.suid_dumpable`: no core dumps, and debuggers of its own user id lose
        /// it), and the daemon must not set it back, which would open its memory to the account; a process of the account that
        /// stops or kills in the moment before the exec holds up or ends that launch;
        /// an exec that hangs on its file system holds a thread of the daemon until ``Command/startDeadline``, and where a
        /// kill does not end the waiting (FUSE, hard NFS mounts) as long as the file system pleases;
        /// files of `/proc` cannot be standard streams.
        ///
        /// Refused where `fs.suid_dumpable` is not 0, for daemons that are not root, and where `SIGCHLD` is ignored.
        /// While four threads are lost to hanging file systems, launches are isolated, and so are those into cgroups and those of
        /// jobs that end with their daemon (``DaemonEndPolicy/end``).
        case direct
    }

    /// What stands between the daemon and the process on its way to the account.
    public let isolation: Isolation

    /// Where jobs get cgroups of their own, if they do.
    public let controlGroups: ControlGroups?

    /// How much is done to look at a job from outside; in direct mode the look is part of the launch.
    public let attestation: AttestationPolicy

    /// The backend's name.
    public var backend: LaunchBackend { .setuid }

    /// Creates a launcher.
    ///
    /// - Parameters:
    ///   - isolation: What stands between the daemon and the process on its way to the account.
    ///   - controlGroups: Where jobs get cgroups of their own; only in isolated mode.
    ///   - attestation: How much is done to look at a job from outside.
    public init(
        isolation: Isolation = .isolated,
        controlGroups: ControlGroups? = nil,
        attestation: AttestationPolicy = .whenTheKernelOffersIt
    ) {
        self.isolation = isolation
        self.controlGroups = controlGroups
        self.attestation = attestation
    }

    /// Starts a command as an identity and waits until its program runs.
    ///
    /// - Parameters:
    ///   - command: What is run.
    ///   - identity: Whom it runs as.
    /// - Returns: The running process.
    /// - Throws: ``LaunchError`` with the step that failed; ``ProcessLauncher`` says what is left then.
    public func launch(
        _ command: Command,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        try LaunchFailureReporter(identity: identity, backend: backend).mustSwitchAccount()
        let machinery = try LaunchMachinery.shared(for: identity, backend)
        let daemon = DaemonFacts.current()
        if daemon.isOrdinaryAccount(ChildPlan.Credentials(identity.account)) {
            return try await TrampolineLaunch(
                command: command,
                identity: identity,
                backend: backend,
                kind: .keepAccount,
                controlGroups: controlGroups,
                attestation: attestation
            )
            .run(trampoline: machinery.trampoline, on: machinery.reactor) { plan, account in
                plan.keepingAccount(account, from: daemon, verifyingGroups: true)
            }
        }
        try LaunchFailureReporter(identity: identity, backend: backend).mustEmptyBoundingSet(of: command, from: daemon)
        // In direct mode a thread that comes and goes is the parent, so the job could not be tied to the daemon.
        if isolation == .direct, controlGroups == nil, command.daemonEnd != .end,
            let place = DirectLaunch.place(for: identity.account.userID)
        {
            return try await DirectLaunch(command: command, identity: identity, backend: backend, place: place)
                .run(on: machinery.reactor, from: daemon)
        }
        return try await TrampolineLaunch(
            command: command,
            identity: identity,
            backend: backend,
            kind: .isolated,
            controlGroups: controlGroups,
            attestation: attestation
        )
        .run(trampoline: machinery.trampoline, on: machinery.reactor) { plan, target in
            plan.isolated(as: target, from: daemon)
        }
    }
}
