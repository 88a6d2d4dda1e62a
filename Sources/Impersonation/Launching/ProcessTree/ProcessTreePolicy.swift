import LaunchPlan
public import SystemPackage

/// What the processes of a job may use together, where the launcher gives jobs a cgroup.
///
/// A limit that cannot be kept is an error of the launch, never ignored; one that no kernel takes has the code `invalidCommand`,
/// whoever launches.
public struct ProcessTreeLimits: Sendable, Hashable {
    /// How many processes and threads there may be at a time, at least 1 (`pids.max`).
    public var processes: Int?

    /// Memory in bytes, swap included: a job that needs more is killed as a whole (`memory.max`, `memory.oom.group`), and gets no
    /// swap (`memory.swap.max` is 0, where the kernel accounts for swap).
    public var memoryBytes: UInt64?

    /// The share of the processor, from 1 to 10,000, where 100 is what others have (`cpu.weight`).
    ///
    /// It limits nobody as long as nobody else wants the processor; ``processorQuota`` does.
    public var processorWeight: Int?

    /// How much processor time the job may have at most, in processors: 0.5 is half of one, 2 is all of two (`cpu.max`).
    ///
    /// It is counted for every tenth of a second: a job that has used up what it may have stands still until the next one
    /// begins, also on an idle machine. At least 0.01, in steps of 0.00001. It holds from before the job's first instruction, so
    /// that its start counts and takes the longer, and is lifted for its end. It binds ordinary scheduling: give no job that has
    /// one a limit of real-time priority (`RLIMIT_RTPRIO`), which modules of PAM and the daemon may have left above 0.
    public var processorQuota: Double?

    /// Creates limits.
    ///
    /// - Parameters:
    ///   - processes: How many processes and threads there may be at a time.
    ///   - memoryBytes: Memory in bytes.
    ///   - processorWeight: The share of the processor, from 1 to 10,000.
    ///   - processorQuota: The most processor time, in processors, from 0.01.
    public init(
        processes: Int? = nil,
        memoryBytes: UInt64? = nil,
        processorWeight: Int? = nil,
        processorQuota: Double? = nil
    ) {
        self.processes = processes
        self.memoryBytes = memoryBytes
        self.processorWeight = processorWeight
        self.processorQuota = processorQuota
    }

    /// No limit.
    public static let none = ProcessTreeLimits()
}

/// What becomes of the descendants of a job when its first process ends by itself.
public enum DescendantPolicy: Sendable, Hashable {
    /// They go on; ``LaunchedProcess/terminate(gracePeriod:)`` still ends them, after that only where the job has a cgroup.
    case goOn

    /// They are killed, and the job has ended when none is left.
    case end
}

/// What holds the processes of a job together.
public enum Containment: Sendable, Hashable {
    /// A cgroup of its own, at this place: nothing gets out of it.
    case controlGroup(FilePath)

    /// A cgroup at this place that belongs to the account of the job, because that is the daemon's own: it holds whoever does not
    /// want to get out of it. The session is looked at as well.
    case leavableControlGroup(FilePath)

    /// A session of its own: weaker, because a process that makes a session of its own and loses its parent is not found
    /// any more; behind the system helper it is, as long as the job's process of the helper is there.
    case session

    /// Nothing: the daemon has no right to signal the account and no way around that, so that only the first process can be
    /// ended, by what `sudo` relays.
    case firstProcess
}

extension Containment {
    /// Says what a group is worth for a job of an account.
    init(_ group: ControlGroup, of userID: UInt32) {
        self = group.owner == userID ? .leavableControlGroup(group.path) : .controlGroup(group.path)
    }
}

/// What the processes of a job have used together, as far as the controllers of its cgroup tell.
public struct ProcessTreePeaks: Sendable, Hashable {
    /// Memory in bytes (`memory.peak`).
    public var memoryBytes: UInt64?

    /// Processes and threads at a time (`pids.peak`).
    public var processes: UInt64?

    /// Creates peaks.
    ///
    /// - Parameters:
    ///   - memoryBytes: Memory in bytes.
    ///   - processes: Processes and threads at a time.
    public init(memoryBytes: UInt64? = nil, processes: UInt64? = nil) {
        self.memoryBytes = memoryBytes
        self.processes = processes
    }
}
