import LaunchPlan

/// A job of the very account that the daemon runs as: the daemon starts it itself, for nothing has to be switched.
///
/// The helper refuses such a job where its account is one of its peers. A daemon that has any privilege, or other groups than the
/// account, asks it all the same: a job of its account might get hold of what the daemon has.
struct OwnAccountLaunch {
    private let command: Command
    private let identity: ExecutionIdentity
    private let backend: LaunchBackend
    private let attestation: AttestationPolicy
    private let daemon: DaemonFacts

    /// Whether an identity is that of this process, which has no privilege.
    ///
    /// - Parameter identity: The identity.
    /// - Returns: Whether the ids are the same. The groups are left to the proof in the child.
    static func isMeant(by identity: ExecutionIdentity) -> Bool {
        DaemonFacts.current().isUnprivilegedAccount(ChildPlan.Credentials(identity.account))
    }

    /// Prepares a launch; `nil` when another account is meant.
    ///
    /// - Parameters:
    ///   - command: What is run.
    ///   - identity: Whom it runs as.
    ///   - backend: For the report.
    ///   - attestation: How much is done to look at the job from outside.
    init?(
        _ command: Command,
        as identity: ExecutionIdentity,
        _ backend: LaunchBackend,
        _ attestation: AttestationPolicy
    ) {
        daemon = DaemonFacts.current()
        let account = ChildPlan.Credentials(identity.account)
        // With other groups than the account has, the daemon may be a peer of the helper and the account none; and limits for all
        // processes together are the helper's to keep.
        guard daemon.isUnprivilegedAccount(account), DaemonFacts.hasExactly(account.groups), command.treeLimits == .none
        else {
            return nil
        }
        var command = command
        // What the helper does by itself, as far as the kernel does it without one.
        if command.daemonEnd == nil { command.daemonEnd = .end }
        self.command = command
        self.identity = identity
        self.backend = backend
        self.attestation = attestation
    }

    func run() async throws(LaunchError) -> LaunchedProcess {
        let machinery = try LaunchMachinery.shared(for: identity, backend)
        return try await TrampolineLaunch(
            command: command,
            identity: identity,
            backend: backend,
            kind: .keepAccount,
            attestation: attestation
        )
        .run(trampoline: machinery.trampoline, on: machinery.reactor) { plan, account in
            plan.keepingAccount(account, from: daemon, verifyingGroups: true)
        }
    }
}
