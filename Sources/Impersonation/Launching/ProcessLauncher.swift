/// Starts a process under an identity.
///
/// Three things hold for every launcher. A launch that throws has run nothing of the job and leaves no process and no descriptor
/// behind. A launch that returns has been confirmed: the program runs under the identity, read back from the kernel. The exit code of a
/// job is never mistaken for a failed launch.
///
/// Files are another matter: those for standard streams are opened as the account before the exec, which may fail after that. So a file
/// that was to be a stream may have been made (``StandardStream/OutputFileMode/append``, ``StandardStream/OutputFileMode/createNew``) or
/// emptied (``StandardStream/OutputFileMode/truncate``). Nothing removes it: it may be somebody else's by then.
///
/// And there are errors that cannot promise that nothing has run:
///
/// - Step ``LaunchStep/verifyOutside``: the job was not what it was to become, and was killed in the moment after its exec.
/// - ``LaunchError/Code/cancelled``: a program that is cancelled in its very exec is killed there, and may have run for the moment that
///   takes.
/// - ``LaunchError/Code/deadlineExceeded``: a child that stands still in its exec, and that a daemon without `CAP_KILL` cannot end, may
///   still become the program. The message says so.
/// - ``LaunchError/Code/helperLost``: the system helper ended in the middle of the launch. The message says what may run.
///
/// <doc:Backends> says which launcher is for whom. `ProcessLauncherConformance` in `ImpersonationTesting` checks an
/// implementation.
public protocol ProcessLauncher: Sendable {
    /// Which backend this is.
    var backend: LaunchBackend { get }

    /// Whether an account can be switched to only with its credential; `false` unless a launcher says otherwise.
    ///
    /// ``Impersonator`` then asks the credential store beforehand, and a missing or rejected credential is a badlogin.
    var requiresCredential: Bool { get }

    /// Starts a command as an identity and waits until its program runs.
    ///
    /// When the calling task is cancelled before the launch has come to its point of no return, it is given up and nothing
    /// runs. Once the program runs, a cancellation changes nothing: the launch returns the process.
    ///
    /// - Parameters:
    ///   - command: What is run.
    ///   - identity: Whom it runs as.
    /// - Returns: The running process.
    /// - Throws: ``LaunchError`` with the step that failed; ``ProcessLauncher`` says what is left then.
    func launch(_ command: Command, as identity: ExecutionIdentity) async throws(LaunchError) -> LaunchedProcess

    /// Takes over a job that an earlier daemon has launched and that has outlived it.
    ///
    /// Its streams stay with whoever has them, and its report knows nothing of its start but the process.
    ///
    /// - Parameters:
    ///   - reference: The job, as ``LaunchedProcess/reference`` has named it.
    ///   - identity: Whom it runs as. A process of somebody else is left alone.
    /// - Returns: The running process.
    /// - Throws: ``LaunchError`` with the code ``LaunchError/Code/statusLost`` when it has ended meanwhile, and nobody can tell
    ///   how; with ``LaunchError/Code/verificationFailed`` when the process is somebody else's. With every other code it may
    ///   run, and nothing of it is lost: it can be taken over by another attempt.
    func adopt(
        _ reference: JobReference,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess
}

extension ProcessLauncher {
    /// No credential is needed.
    public var requiresCredential: Bool { false }

    /// Takes over a job by the kernel's own word: its process is watched and signalled by a descriptor.
    public func adopt(
        _ reference: JobReference,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        try Adoption(reference: reference, identity: identity, backend: backend).adopt()
    }
}

/// The mechanism a process is started with.
public struct LaunchBackend: Sendable, Hashable, CustomStringConvertible {
    /// The name as configuration, command line and reports spell it.
    public let description: String

    /// Creates a backend of a host's own; the library's are the static members.
    ///
    /// - Parameter description: The name as reports spell it.
    public init(_ description: String) {
        self.description = description
    }

    /// A switch of ids by the kernel's own system calls.
    public static let setuid = LaunchBackend("setuid")

    /// The system helper, for daemons without any privilege.
    public static let helper = LaunchBackend("helper")

    /// A session opened with PAM.
    public static let pam = LaunchBackend("pam")

    /// The `sudo` program.
    public static let sudo = LaunchBackend("sudo")

    /// The account of the worker itself; no switch.
    public static let current = LaunchBackend("current")
}
