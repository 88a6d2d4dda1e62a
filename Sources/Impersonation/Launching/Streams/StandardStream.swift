public import SystemPackage

/// What a standard stream of a job is connected to.
public enum StandardStream {
    /// Where standard input comes from.
    public enum Input: Sendable, Hashable {
        /// `/dev/null`: the job reads the end of file at once.
        case null

        /// The standard input of the daemon.
        case inherit

        /// A file, opened as the account of the job, after the switch.
        case file(FilePath)

        /// These bytes and then the end of the file, through a pipe.
        ///
        /// A job that does not read them all loses nothing: what it leaves is thrown away when it ends.
        case bytes([UInt8])

        /// A pipe that ``LaunchedProcess/standardInput`` writes to, waiting whenever the job does not read.
        case stream

        /// A pipe; ``LaunchedProcess/takeStandardInput()`` is its writing end.
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
        case pipe

        /// A pipe that ``LaunchedProcess/standardOutput`` or ``LaunchedProcess/standardError`` reads from.
        ///
        /// It is read only when somebody asks for more, so a job that writes faster than that waits.
        case stream

        /// Collected in memory, up to this many bytes; what the job writes beyond is read and thrown away, so that it
        /// does not stand still.
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
