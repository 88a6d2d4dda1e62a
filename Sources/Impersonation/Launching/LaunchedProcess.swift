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

    private let control: any ProcessControl

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
    /// It may belong to another process once this one has ended: send signals with ``send(_:)``.
    public var processID: ProcessID { report.processID }

    /// Waits until the process has ended and every captured stream is complete.
    ///
    /// When the calling task is cancelled, the process goes on and so does the waiting.
    ///
    /// - Returns: How it ended and what it used.
    /// - Throws: ``LaunchError`` with the step `wait` when the status was taken by somebody else in this process.
    public func exitReport() async throws(LaunchError) -> ExitReport {
        try await control.exitReport()
    }

    /// Sends a signal to the process; never to another that got its id.
    ///
    /// The corresponding system call is `pidfd_send_signal(2)`.
    ///
    /// - Parameter signal: The signal to send.
    /// - Throws: `Errno.noSuchProcess` once the process has ended.
    public func send(_ signal: Signal) throws(Errno) {
        try control.send(signal)
    }

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
    func exitReport() async throws(LaunchError) -> ExitReport

    /// Sends a signal to the process and to no other.
    func send(_ signal: Signal) throws(Errno)

    /// Hands over the writing end of standard input, once.
    func takeStandardInput() -> FileDescriptor?

    /// Hands over the reading end of standard output, once.
    func takeStandardOutput() -> FileDescriptor?

    /// Hands over the reading end of standard error, once.
    func takeStandardError() -> FileDescriptor?
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
