public import SystemPackage

/// What is run: program, arguments and everything of a process that is not its identity.
///
/// Nothing is taken over from the daemon unless a property says so. The defaults are those of a job that nobody knows
/// anything about: a clean environment, no input, output thrown away, nice 0, usual limits, no way to gain privileges.
public struct Command: Sendable, Hashable {
    /// The program to run.
    public var executable: Executable

    /// The arguments after the program's own name; they arrive byte for byte and pass no shell.
    public var arguments: [String]

    /// What the program is told its own name is (`argv[0]`); the executable as it was written unless set.
    public var argumentZero: String?

    /// Where the program starts, entered as the account of the job.
    public var workingDirectory: WorkingDirectory = .home

    /// The environment of the program.
    public var environment: EnvironmentPolicy = .clean

    /// Where the program reads from.
    public var standardInput: StandardStream.Input = .null

    /// Where the program writes to.
    public var standardOutput: StandardStream.Output = .null

    /// Where the program writes its messages to.
    public var standardError: StandardStream.Output = .null

    /// The terminal that the three standard streams are, in place of what they are otherwise.
    public var terminal: JobTerminal = .none

    /// Descriptors that the job has beside its standard streams, from 3 upwards in this order; 64 at most.
    public var extraDescriptors: [ExtraDescriptor] = []

    /// The nice value of the job, from -20 to 19.
    ///
    /// It is set, never inherited: worker threads of Swift and Dispatch have a nice value of their own.
    public var niceness: Int = 0

    /// The file mode creation mask of the job.
    public var fileModeCreationMask: FilePermissions = [.groupWrite, .otherWrite]

    /// The resource limits of the job: what has none here, and hard limits that are left out, are the daemon's.
    public var resourceLimits = ResourceLimits.standard

    /// Whether the job may never gain a privilege, not even by running `sudo` or another set-user-id program.
    ///
    /// The corresponding call is `prctl(PR_SET_NO_NEW_PRIVS)`.
    public var noNewPrivileges: Bool = true

    /// Which capabilities the job could ever gain by running a privileged program.
    public var capabilityBoundingSet: CapabilityBoundingSet = .empty

    /// What the processes of the job may use together; needs a launcher with ``ControlGroups``.
    public var treeLimits = ProcessTreeLimits.none

    /// What becomes of the job's descendants when its first process ends by itself.
    public var descendants = DescendantPolicy.goOn

    /// What becomes of the job when the daemon ends before it; `nil` is what the launcher does by itself.
    ///
    /// Through the system helper, and for jobs of the daemon's own account that these launchers start themselves, that is
    /// ``DaemonEndPolicy/end``, elsewhere ``DaemonEndPolicy/goOn``.
    public var daemonEnd: DaemonEndPolicy?

    /// How long the way from the launch to the running program may take before the launch is given up.
    public var startDeadline: Duration = .seconds(10)

    /// Creates a command.
    ///
    /// - Parameters:
    ///   - executable: The program to run.
    ///   - arguments: The arguments after the program's own name.
    public init(_ executable: Executable, arguments: [String] = []) {
        self.executable = executable
        self.arguments = arguments
    }
}

/// The program of a ``Command``.
public enum Executable: Sendable, Hashable {
    /// A program by its path. A relative path is relative to the working directory of the job.
    case path(FilePath)

    /// A program by its name, searched in the `PATH` of the job, as the account of the job.
    case name(String)

    /// The program as it was written.
    public var spelling: String {
        switch self {
        case .path(let path): path.string
        case .name(let name): name
        }
    }
}

/// Where a job starts.
public enum WorkingDirectory: Sendable, Hashable {
    /// The home directory of the account, or `/` where the account cannot enter it.
    ///
    /// Which of the two it was stands in ``LaunchReport/workingDirectory``.
    case home

    /// This directory; the launch fails when the account cannot enter it.
    case path(FilePath)
}

/// Which capabilities a job could ever gain by running a privileged program (`CapBnd`).
public enum CapabilityBoundingSet: Sendable, Hashable {
    /// None at all.
    case empty

    /// Those of the daemon; needed by jobs that run `sudo` or `ping`, together with
    /// ``Command/noNewPrivileges`` switched off.
    case inherited
}
