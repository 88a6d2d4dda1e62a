/// Starts a process as another account by the kernel's own system calls: the `setuid` backend.
///
/// The daemon is root, or has `CAP_SETUID` and `CAP_SETGID`. No credential is needed.
///
/// By default a launch is *isolated*: the daemon clones a child that becomes a tiny static program, the trampoline, while
/// it is still the daemon's own; only the trampoline, in an address space of its own, switches to the account, proves the
/// switch, and becomes the job. Nothing of the daemon is ever within reach of a process that belongs to the account.
///
/// See `setgroups(2)`, `setresgid(2)`, `setresuid(2)`, `capset(2)`.
public struct SetUIDLauncher: ProcessLauncher {
    /// The backend's name.
    public var backend: LaunchBackend { .setuid }

    /// Creates a launcher.
    public init() {}

    /// Starts a command as an identity and waits until its program runs.
    ///
    /// - Parameters:
    ///   - command: What is run.
    ///   - identity: Whom it runs as.
    /// - Returns: The running process.
    /// - Throws: ``LaunchError`` with the step that failed. Nothing of the job has run then.
    public func launch(
        _ command: Command,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        guard identity.method == .switchAccount else {
            throw LaunchError(
                .unsuitableBackend,
                step: .prepare,
                account: identity.account.name,
                backend: backend,
                message: "the identity keeps the account of the worker (desktop mode); use the current backend for it"
            )
        }
        let machinery = try LaunchMachinery.shared(for: identity, backend)
        let daemon = DaemonFacts.current()
        return try await TrampolineLaunch(command: command, identity: identity, backend: backend, kind: .isolated)
            .run(trampoline: machinery.trampoline, on: machinery.reactor) { plan, target in
                plan.isolated(as: target, from: daemon)
            }
    }
}
