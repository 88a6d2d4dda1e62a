import CLaunchPlan
public import SystemPackage

/// The daemon's side of a job's terminal.
///
/// What the job writes can hold control sequences of its choosing: show it to a terminal as it is only where the job may
/// do to that what it likes.
///
/// See `pty(7)`.
public struct PseudoTerminal: Sendable {
    /// What the job writes, standard error among it; read it, or the job stands still.
    ///
    /// It ends with the job, after what that wrote last, or before when no process has the terminal open any more.
    public let output: ProcessOutput

    /// What the job reads, as if it were typed: byte 3 interrupts the job, byte 4 ends its input, a line has at most 4095
    /// bytes, all unless the job changes that (`termios(3)`).
    ///
    /// Closing it alone says nothing to the job.
    public let input: ProcessInput

    private let end: StreamEnd

    /// Takes the two descriptors of the daemon's side over.
    init(reading: StreamEnd, writing: StreamEnd) {
        output = ProcessOutput(reading)
        input = ProcessInput(writing)
        end = writing
    }

    /// Takes over the daemon's side of a pseudo-terminal, for launchers.
    ///
    /// The open file becomes one that does not block (`O_NONBLOCK`). The other side is the launcher's to give to the account and to
    /// the job, and to close. When the job has ended, call ``endWithJob()``.
    ///
    /// - Parameters:
    ///   - master: The side (`posix_openpt(3)`). It is closed by ``close()`` and ``endWithJob()``, or with the last copy of this
    ///     value, and by an exec.
    ///   - account: The account of the job, which may be able to hold up that close, but not for others.
    /// - Throws: ``StreamError``: `unsuitable` when it is no such side; the descriptor is the caller's then, as it was. `taken` when it is
    ///   another stream's already, which closes it.
    public init(takingOver master: FileDescriptor, account: UserID) throws(StreamError) {
        let reactor = try StreamEnd.sharedReactor()
        let (reading, writing) = try StreamChannel.takingTerminal(master, of: account.rawValue)
        self.init(reading: StreamEnd(reading, on: reactor), writing: StreamEnd(writing, on: reactor))
    }

    /// Changes the size; the job is told by `SIGWINCH`, soon after this has come back.
    ///
    /// - Parameters:
    ///   - rows: How many lines it has.
    ///   - columns: How many characters a line has.
    /// - Throws: ``StreamError``: `closed` after ``close()``.
    public func resize(rows: UInt16, columns: UInt16) throws(StreamError) {
        try end.resize(rows: rows, columns: columns)
    }

    /// The size of a terminal of this process, to give that of a job the same.
    ///
    /// - Parameter descriptor: The terminal (`TIOCGWINSZ`).
    /// - Returns: Lines and characters of a line; `nil` when the descriptor is no terminal.
    public static func size(of descriptor: FileDescriptor) -> (rows: UInt16, columns: UInt16)? {
        var size: (rows: UInt16, columns: UInt16) = (0, 0)
        guard unsafe linux_terminal_size(descriptor.rawValue, &size.rows, &size.columns) == 0 else { return nil }
        return size
    }

    /// Hangs up: the job gets `SIGHUP`, and its terminal is gone.
    public func close() {
        output.close()
        input.close()
    }

    /// Ends with the job, for launchers: keeps what it wrote last for whoever reads, and hangs up.
    ///
    /// A terminal goes on after the process that it was made for: the account can open it by its name, and what it wrote there
    /// would go on arriving.
    public func endWithJob() {
        output.endWithJob()
        input.close()
    }
}
