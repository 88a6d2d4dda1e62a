public import SystemPackage

/// What a standard stream of a job is connected to.
///
/// Where the library itself reads or writes (`bytes`, `stream`, `captured`) the job has one end of a connected pair of
/// sockets (`unix(7)`), in one direction only. A job can make every call to a pipe stand still, `close(2)` and those with
/// `O_NONBLOCK` too: the kernel holds the lock of the pipe while it copies from or to memory of the job, whose pages can be
/// those of a file system that the account serves itself and that never answers. It cannot do that to the other end of a
/// pair of sockets.
///
/// Programs notice little of it: the end of the file, `EPIPE` and `SIGPIPE` are as with a pipe. But a socket cannot be opened
/// by a path, so that `/dev/stdin`, `/dev/stdout` and `/proc/self/fd/1` are `ENXIO` for the job (a pipe of the daemon's
/// would be `EACCES` for another account); a write that already waits when nobody reads any more fails with `EPIPE` without a
/// `SIGPIPE`; and `bash` reads `~/.bashrc` when its input is a socket (`bytes`, `stream`) and it is not below another shell.
/// A program that needs more than that gets a `pipe`, a `file` or a `descriptor`.
public enum StandardStream {
    /// Where standard input comes from.
    public enum Input: Sendable, Hashable {
        /// `/dev/null`: the job reads the end of file at once.
        case null

        /// The standard input of the daemon.
        ///
        /// Of a terminal the job reads what is typed. It cannot type itself (`TIOCSTI`) as long as that is the terminal of a session,
        /// as it is of every login.
        case inherit

        /// A file, opened as the account of the job, after the switch.
        case file(FilePath)

        /// These bytes and then the end of the file, through a socket.
        ///
        /// A job that does not read them all loses nothing: what it leaves is thrown away when it ends.
        case bytes([UInt8])

        /// A socket that ``LaunchedProcess/standardInput`` writes to, waiting whenever the job does not read.
        case stream

        /// A pipe; ``LaunchedProcess/takeStandardInput()`` is its writing end.
        ///
        /// The job can make the host's calls to it stand still for as long as it likes, `close(2)` among them and those with
        /// `O_NONBLOCK`: write and close where nobody else has to wait.
        case pipe

        /// A descriptor of the daemon, which keeps it.
        case descriptor(FileDescriptor)
    }

    /// Where standard output or standard error goes.
    public enum Output: Sendable, Hashable {
        /// `/dev/null`.
        case null

        /// The stream of the daemon.
        case inherit

        /// A file, opened as the account of the job, after the switch; it belongs to that account when it is created.
        ///
        /// The last component is never followed when it is a symbolic link.
        case file(FilePath, OutputFileMode = .append)

        /// A pipe; ``LaunchedProcess/takeStandardOutput()`` or ``LaunchedProcess/takeStandardError()`` is its
        /// reading end.
        ///
        /// The job can make the host's calls to it stand still for as long as it likes, `close(2)` among them and those with
        /// `O_NONBLOCK`: read and close where nobody else has to wait.
        case pipe

        /// A socket that ``LaunchedProcess/standardOutput`` or ``LaunchedProcess/standardError`` reads from.
        ///
        /// It is read only when somebody asks for more, so a job that writes faster than that waits.
        case stream

        /// Collected in memory, up to this many bytes; what the job writes beyond is read and thrown away, so that it
        /// does not stand still.
        ///
        /// Where it writes little at a time it is read some hundred times a second, so that nobody's launch waits behind a job that
        /// writes byte by byte: more than about a hundred thousand of them in a second it waits to write.
        case captured(limit: Int)

        /// A descriptor of the daemon, which keeps it.
        case descriptor(FileDescriptor)

        /// The same as standard output; only for standard error.
        case standardOutput
    }

    /// How an output file is opened.
    public enum OutputFileMode: Sendable, Hashable {
        /// Created when it is not there, and written to at its end.
        case append

        /// Created when it is not there, and emptied.
        case truncate

        /// Created; the launch fails when it is there.
        case createNew
    }
}
