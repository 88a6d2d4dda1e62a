/// The terminal of a job.
public enum JobTerminal: Sendable, Hashable {
    /// None: the job cannot open `/dev/tty`, whatever its standard streams are, unless the host has given it a terminal that no
    /// session has, which it can make its own.
    case none

    /// A pseudo-terminal of its own, for programs that speak to a person: standard input, output and error, and the
    /// controlling terminal of the job's session. ``LaunchedProcess/terminal`` is its other side.
    ///
    /// The three standard streams of the command have to be left as they are by default. The terminal is the account's, with
    /// mode 0620 and the group `tty` where there is one, so that other accounts cannot read it. What the job writes comes
    /// as the terminal makes it: `\n` as `\r\n`, and input is echoed, unless the job changes that (`termios(3)`).
    ///
    /// It ends with the job: what that has written is kept for ``PseudoTerminal/output``, and then it is hung up, whatever the
    /// job has left behind; that gets `SIGHUP` and has no terminal any more. An account that makes the kernel stand still in
    /// the end of four terminals gets no other one meanwhile (`EBUSY`).
    ///
    /// The type goes into the variable `TERM`; there is none without it. It needs a daemon that is root or has
    /// `CAP_CHOWN`, unless the job keeps the account of the worker.
    ///
    /// See `pty(7)`.
    case pseudoterminal(rows: UInt16, columns: UInt16, type: String? = nil)
}
