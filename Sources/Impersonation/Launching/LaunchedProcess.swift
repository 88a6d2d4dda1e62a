public import SystemPackage

/// A running process that a ``ProcessLauncher`` has started and confirmed.
///
/// The process is waited for whether or not anybody asks for its end: it never stays a zombie, and dropping the value
/// does not end it.
public final class LaunchedProcess: Sendable {
    /// Whom it runs as.
    public let identity: ExecutionIdentity

    /// What is known of its start.
    public let report: LaunchReport

    let control: any ProcessControl

    /// Creates the handle of a process; for launchers.
    ///
    /// - Parameters:
    ///   - identity: Whom it runs as.
    ///   - report: What is known of its start.
    ///   - control: What waits for it and signals it.
    public init(identity: ExecutionIdentity, report: LaunchReport, control: any ProcessControl) {
        self.identity = identity
        self.report = report
        self.control = control
    }

    /// The process id.
    ///
    /// It may belong to another process once this one has ended: send signals with ``send(_:to:)``.
    public var processID: ProcessID { report.processID }

    /// Names the job beyond the life of this daemon; `nil` once it has ended, and behind `sudo`, where nobody can take it over.
    ///
    /// It is `nil`, too, where `/proc` does not show the job to the daemon (`hidepid` of `proc(5)`, but for daemons
    /// with `CAP_SYS_PTRACE` or in the group of its `gid=`), or is that of another pid namespace, or where the system helper is in
    /// another one, whose numbers mean nothing here: nothing else would tell the job from a later process of its number. Through the system helper it has no ``JobReference/adoptionSocket`` where the helper
    /// was started without `--adoption-directory`, or could make no socket in there, which its log says.
    ///
    /// A later daemon takes it over with ``ProcessLauncher/adopt(_:as:)``, if it was launched to outlive this one
    /// (``Command/daemonEnd``).
    public var reference: JobReference? {
        var reference = control.reference
        reference?.userID = identity.account.userID.rawValue
        reference?.mayGainPrivileges = report.attestation == .none(.jobMayGainPrivileges)
        return reference
    }

    /// Waits until the process has ended and every captured stream is complete.
    ///
    /// This only waits: when the calling task is cancelled, the process goes on and so does the waiting. A job that is to end with
    /// the task that waits for it, or in time, is waited for with ``exitReport(terminatingAfter:gracePeriod:)``.
    ///
    /// - Returns: How it ended and what it used.
    /// - Throws: ``LaunchError`` with the step `wait` when the end is not known: with the code `statusLost` when the status was taken
    ///   by somebody else in this process, or whoever has seen it does not tell, and `helperLost` when the system helper is gone.
    public func exitReport() async throws(LaunchError) -> ExitReport {
        try await naming { () async throws(LaunchError) in try await control.exitReport() }
    }

    /// Waits for the control, which need not know whose process it waits for.
    private func naming(
        _ body: () async throws(LaunchError) -> ExitReport
    ) async throws(LaunchError) -> ExitReport {
        do throws(LaunchError) {
            return try await body()
        } catch {
            throw error.named(identity.account.name, report.backend)
        }
    }

    /// Whether the end of the process is known, so that there is nothing to wait for.
    package var hasEnded: Bool { control.hasEnded }

    /// Whether the process has not ended: the end of one that has may yet have to be told.
    package var isRunning: Bool { control.isRunning }

    /// Sends a signal to the process or to its process group; never to others that got the id.
    ///
    /// The corresponding system calls are `pidfd_send_signal(2)` and, as long as nobody has reaped the process, `kill(2)`.
    ///
    /// - Parameters:
    ///   - signal: The signal to send.
    ///   - target: Who gets it.
    /// - Throws: `Errno.noSuchProcess` once the process has ended, unless ``SignalTarget/tree`` finds others of the job, as it does in a
    ///   cgroup. `Errno.notPermitted` where nobody on the way may signal the job (`CAP_KILL`, ``SudoLauncher/signalsThroughSudo``),
    ///   or the process of the system helper that has looked after it is gone.
    public func send(_ signal: Signal, to target: SignalTarget = .process) throws(Errno) {
        try control.send(signal, to: target)
    }

    /// Ends the whole job: politely first, then by force, and returns when nothing of it is left.
    ///
    /// `SIGTERM` to every process of it, `SIGKILL` when the first one has not ended within the grace period, and `SIGKILL` to
    /// whatever is left when it has. What "every process" means depends on ``LaunchReport/containment``. In a cgroup that
    /// includes what the first process has left behind, however long ago it has ended. Processes that hang in the kernel are
    /// given up after ten seconds and counted in ``ExitReport/remainingProcesses``. When the calling task is cancelled, the
    /// ending goes on.
    ///
    /// Who ends a job that is being ended already joins in: `SIGTERM` is sent once, and the first grace period that is over ends in
    /// `SIGKILL` for everybody. To ask again within a grace period, send the signal (``send(_:to:)``).
    ///
    /// - Parameter gracePeriod: How long the job may take to end by itself.
    /// - Returns: How it ended and what it used.
    /// - Throws: ``LaunchError`` with the step `wait`: with the code `stillRunning` when the first process itself still hangs in
    ///   the kernel ten seconds after its `SIGKILL` (it is waited for all the same, and ``exitReport()`` returns when it has
    ///   ended), else when the status was lost.
    @discardableResult
    public func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        try await naming { () async throws(LaunchError) in
            try await control.terminate(gracePeriod: gracePeriod.reasonable)
        }
    }

    /// What writes to the standard input of the job; `nil` unless that is a `stream`.
    public var standardInput: ProcessInput? { control.standardInput }

    /// What the job writes to its standard output; `nil` unless that is a `stream`.
    ///
    /// Read it, or close it: a job that nobody reads from stands still once its buffer is full.
    public var standardOutput: ProcessOutput? { control.standardOutput }

    /// What the job writes to its standard error; `nil` unless that is a `stream`.
    ///
    /// Read it in a task of its own beside ``standardOutput``: a job may fill either one first.
    public var standardError: ProcessOutput? { control.standardError }

    /// The other side of the job's terminal; `nil` when it has none.
    public var terminal: PseudoTerminal? { control.terminal }

    /// Hands over the writing end of standard input, once, when it is a pipe.
    ///
    /// The caller closes it.
    public func takeStandardInput() -> FileDescriptor? { control.takeStandardInput() }

    /// Hands over the reading end of standard output, once, when it is a pipe.
    ///
    /// The caller closes it.
    public func takeStandardOutput() -> FileDescriptor? { control.takeStandardOutput() }

    /// Hands over the reading end of standard error, once, when it is a pipe.
    ///
    /// The caller closes it.
    public func takeStandardError() -> FileDescriptor? { control.takeStandardError() }
}

/// What waits for a process and signals it: the part of a ``LaunchedProcess`` that a launcher brings along.
public protocol ProcessControl: Sendable {
    /// Waits until the process has ended and every captured stream is complete.
    ///
    /// - Throws: ``LaunchError`` with the step `wait` when the end is not known. Account and backend may be left out:
    ///   ``LaunchedProcess`` adds them.
    func exitReport() async throws(LaunchError) -> ExitReport

    /// Whether the end of the process is known, so that ``exitReport()`` has nothing to wait for but whoever writes it down.
    var hasEnded: Bool { get }

    /// Whether the process has not ended.
    ///
    /// It is `false` before ``hasEnded`` is `true` where the end has to be told by somebody who takes his time: a session of PAM is
    /// closed first, or a tracer told first. What the process has left behind is not ended any more for a time that is up then.
    var isRunning: Bool { get }

    /// Sends a signal to the process or its process group and to no other.
    ///
    /// - Throws: `Errno` as ``LaunchedProcess/send(_:to:)`` says.
    func send(_ signal: Signal, to target: SignalTarget) throws(Errno)

    /// Ends the whole job as ``LaunchedProcess/terminate(gracePeriod:)`` promises, and returns when nothing of it is left.
    ///
    /// Several calls at once are one request, which the first grace period that is over ends: `SIGTERM` is sent once.
    ///
    /// - Throws: ``LaunchError`` as ``LaunchedProcess/terminate(gracePeriod:)`` says.
    func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport

    /// Hands over the writing end of standard input, once.
    func takeStandardInput() -> FileDescriptor?

    /// Hands over the reading end of standard output, once.
    func takeStandardOutput() -> FileDescriptor?

    /// Hands over the reading end of standard error, once.
    func takeStandardError() -> FileDescriptor?

    /// What writes to the standard input of the process; `nil` unless that is a `stream`.
    var standardInput: ProcessInput? { get }

    /// What the process writes to its standard output; `nil` unless that is a `stream`.
    var standardOutput: ProcessOutput? { get }

    /// What the process writes to its standard error; `nil` unless that is a `stream`.
    var standardError: ProcessOutput? { get }

    /// The other side of the process's terminal; `nil` when it has none.
    var terminal: PseudoTerminal? { get }

    /// Names the process beyond the life of this one; `nil` once it has ended, or when it cannot be taken over.
    var reference: JobReference? { get }
}

extension ProcessControl {
    /// None.
    public var reference: JobReference? { nil }

    /// None.
    public var standardInput: ProcessInput? { nil }

    /// None.
    public var standardOutput: ProcessOutput? { nil }

    /// None.
    public var standardError: ProcessOutput? { nil }

    /// None.
    public var terminal: PseudoTerminal? { nil }
}

/// Who gets a signal.
public enum SignalTarget: Sendable, Hashable {
    /// The process that was launched.
    case process

    /// Every process of the group that it leads: itself and its descendants, but for those that made a group of their own.
    case group

    /// Every process of the job that can be found: all of them where the job has a cgroup, also when the first one has ended,
    /// else those of its session and their descendants.
    ///
    /// They are looked for on the calling thread: without a cgroup among all processes of the machine, which takes some ten
    /// microseconds for each.
    case tree
}

/// The id of a process.
public struct ProcessID: RawRepresentable, Sendable, Hashable {
    /// The number (`pid_t`).
    public let rawValue: Int32

    /// Creates a process id from its number.
    ///
    /// - Parameter rawValue: The number (`pid_t`).
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }
}
