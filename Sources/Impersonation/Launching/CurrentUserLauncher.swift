import Glibc
import LaunchPlan
import SystemPackage

/// Starts a process as the worker's own account: desktop mode.
///
/// Nothing is switched.
///
/// Everything else of a launch holds as for ``SetUIDLauncher``: the environment is built, descriptors, signals and limits
/// are clean, and the ids are read back before the job runs. The superuser's account is refused.
public struct CurrentUserLauncher: ProcessLauncher {
    /// The backend's name.
    public var backend: LaunchBackend { .current }

    /// Where jobs get cgroups of their own, if they do.
    public let controlGroups: ControlGroups?

    /// How much is done to look at a job from outside.
    public let attestation: AttestationPolicy

    /// Creates a launcher.
    ///
    /// - Parameters:
    ///   - controlGroups: Where jobs get cgroups of their own.
    ///   - attestation: How much is done to look at a job from outside.
    public init(
        controlGroups: ControlGroups? = nil,
        attestation: AttestationPolicy = .whenTheKernelOffersIt
    ) {
        self.controlGroups = controlGroups
        self.attestation = attestation
    }

    /// Starts a command as the worker's own account and waits until its program runs.
    ///
    /// - Parameters:
    ///   - command: What is run.
    ///   - identity: The worker's own account; made in desktop mode.
    /// - Returns: The running process.
    /// - Throws: ``LaunchError`` with the step that failed; ``ProcessLauncher`` says what is left then.
    public func launch(
        _ command: Command,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        let daemon = DaemonFacts.current()
        guard identity.method == .keepCurrentAccount else {
            throw LaunchError(
                .unsuitableBackend,
                step: .prepare,
                account: identity.account.name,
                backend: backend,
                message:
                    "the backend current starts only jobs that keep the worker's account (service_mode = desktop); "
                    + "set that, or use the backend setuid, which needs no privilege for jobs of the worker's own account"
            )
        }
        guard identity.account.userID.rawValue == daemon.userID, getuid() == geteuid() else {
            throw LaunchError(
                .unsuitableBackend,
                step: .prepare,
                account: identity.account.name,
                backend: backend,
                message: "the worker runs as user id \(daemon.userID) and cannot run a job as another account "
                    + "without switching; use the setuid backend"
            )
        }
        let machinery = try LaunchMachinery.shared(for: identity, backend)
        return try await TrampolineLaunch(
            command: command,
            identity: identity,
            backend: backend,
            kind: .keepAccount,
            controlGroups: controlGroups,
            attestation: attestation
        )
        .run(trampoline: machinery.trampoline, on: machinery.reactor) { plan, account in
            plan.keepingAccount(
                ChildPlan.Credentials(userID: daemon.userID, groupID: daemon.groupID, groups: account.groups),
                from: daemon
            )
        }
    }
}
