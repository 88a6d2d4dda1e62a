import LaunchPlan
public import SystemPackage

/// Starts a process as another account through the system helper: the `helper` backend, for daemons without any privilege.
///
/// `impersonation-helper` runs as root, or with `CAP_SETUID` and `CAP_SETGID` alone. It launches what its policy permits,
/// which only root can write, the same way as ``SetUIDLauncher`` in isolated mode, and stays with the job to its end. A
/// daemon that has been taken over can do no more than that policy says.
///
/// Each job has a connection of its own. Whatever holds up one of them - a name service, a file system, a stopped child -
/// holds up no other.
public struct SystemHelperLauncher: ProcessLauncher {
    /// Where the helper listens.
    public let socket: FilePath

    /// The user ids that the helper may have.
    ///
    /// What else answers at the socket is not trusted with a job.
    public let helperUserIDs: Set<UserID>

    /// How much is done to look at a job from outside once the helper has started it.
    public let attestation: AttestationPolicy

    /// The backend's name.
    public var backend: LaunchBackend { .helper }

    /// Creates a launcher.
    ///
    /// Nothing is connected before the first launch.
    ///
    /// - Parameters:
    ///   - socket: Where the helper listens.
    ///   - helperUserIDs: The user ids that the helper may have: root's, or that of its own account where it has only the two
    ///     capabilities and opens its socket itself.
    ///   - attestation: How much is done to look at a job from outside once the helper has started it.
    public init(
        socket: FilePath = "/run/impersonation/helper.sock",
        helperUserIDs: Set<UserID> = [UserID(rawValue: 0)],
        attestation: AttestationPolicy = .always
    ) {
        self.socket = socket
        self.helperUserIDs = helperUserIDs
        self.attestation = attestation
    }

    /// Starts a command as an identity and waits until its program runs.
    ///
    /// A job of the very account that the daemon runs as, without any privilege, needs no helper and gets none: it can do no more than
    /// the daemon itself, which includes asking the helper for jobs of others (<doc:SystemHelper>).
    ///
    /// - Parameters:
    ///   - command: What is run.
    ///   - identity: Whom it runs as.
    /// - Returns: The running process.
    /// - Throws: ``LaunchError``; with the code ``LaunchError/Code/refused`` when the policy of the helper does not permit the
    ///   launch. ``ProcessLauncher`` says what it leaves behind.
    public func launch(
        _ command: Command,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        let failures = LaunchFailureReporter(identity: identity, backend: backend)
        try failures.mustSwitchAccount()
        if let own = OwnAccountLaunch(command, as: identity, backend, attestation) { return try await own.run() }
        let reactor = try failures.performing(.prepare) { () throws(Errno) in try Reactor.shared() }
        return try await HelperLaunch(command: command, identity: identity, launcher: self, reactor: reactor).run()
    }

    /// Takes over a job that an earlier daemon of this user has launched through the system helper.
    ///
    /// The process of the helper that has looked after the job all the time hands it over, and its end with everything it has
    /// used, also when it has ended meanwhile (for an hour).
    ///
    /// - Parameters:
    ///   - reference: The job, as ``LaunchedProcess/reference`` has named it.
    ///   - identity: Whom it runs as.
    /// - Returns: The running process.
    /// - Throws: ``LaunchError``; with the code ``LaunchError/Code/deadlineExceeded`` when another daemon still has the job, or
    ///   what looks after it stands still, ``LaunchError/Code/helperUnavailable`` when that is gone, or of another version.
    public func adopt(
        _ reference: JobReference,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        try await adopt(reference, as: identity, backend)
    }

    /// Takes over a job, for a launcher that asks this one.
    func adopt(
        _ reference: JobReference,
        as identity: ExecutionIdentity,
        _ backend: LaunchBackend
    ) async throws(LaunchError) -> LaunchedProcess {
        guard reference.adoptionSocket != nil || !OwnAccountLaunch.isMeant(by: identity) else {
            return try Adoption(reference: reference, identity: identity, backend: backend).adopt()
        }
        return try await HelperAdoption(reference: reference, identity: identity, launcher: self, backend: backend)
            .adopt()
    }
}
