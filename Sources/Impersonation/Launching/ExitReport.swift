/// Everything that is known once a process has ended.
public struct ExitReport: Sendable, Hashable {
    /// Why a job was ended by whoever waited for it (``LaunchedProcess/exitReport(terminatingAfter:gracePeriod:)``).
    public enum Interruption: Sendable, Hashable {
        /// Its time was up.
        case timeout

        /// The task that waited for it was cancelled.
        case cancellation
    }

    /// How the process ended.
    public var status: TerminationStatus

    /// Why it was ended before it ended by itself; `nil` unless whoever got this report has ended it by waiting.
    ///
    /// Look here before ``status``: a job that heeds `SIGTERM` may well exit with code zero, and has not done what it was to do.
    /// The end itself is the same for everybody; who waits beside, or ends the job in another way, is told `nil`.
    public var interruption: Interruption?

    /// What it used.
    public var usage: ResourceUsage?

    /// What the processes of the job have used together, where the job has a cgroup with controllers.
    public var treePeaks: ProcessTreePeaks?

    /// How many processes of a job that was ended as a whole hang in the kernel and are still there.
    public var remainingProcesses = 0

    /// What it wrote to standard output, when that was captured.
    public var standardOutput: CapturedOutput?

    /// What it wrote to standard error, when that was captured.
    public var standardError: CapturedOutput?

    /// Creates a report.
    ///
    /// - Parameters:
    ///   - status: How the process ended.
    ///   - usage: What it used.
    ///   - standardOutput: What it wrote to standard output, when that was captured.
    ///   - standardError: What it wrote to standard error, when that was captured.
    public init(
        status: TerminationStatus,
        usage: ResourceUsage? = nil,
        standardOutput: CapturedOutput? = nil,
        standardError: CapturedOutput? = nil
    ) {
        self.status = status
        self.usage = usage
        self.standardOutput = standardOutput
        self.standardError = standardError
    }
}

/// What a process used, its own children included as far as it has waited for them.
///
/// The corresponding C structure is `rusage` of `getrusage(2)`.
public struct ResourceUsage: Sendable, Hashable {
    /// From the confirmed start to the end.
    public var wallTime: Duration

    /// Processor time in user mode.
    public var userTime: Duration

    /// Processor time in the kernel.
    public var systemTime: Duration

    /// Largest resident set in bytes, or `nil` when it was not larger than that of whoever has started the job: the daemon, or a
    /// process of the system helper.
    ///
    /// A child that is cloned without copying the daemon's memory starts its account with the daemon's own peak
    /// (`ru_maxrss` is a maximum over both), so the kernel cannot tell a smaller one.
    public var peakResidentBytes: Int?

    /// Blocks of 512 bytes read from block devices (`ru_inblock`); what came from the page cache does not count.
    public var inputBlocks: Int

    /// Blocks of 512 bytes written to file systems on block devices (`ru_oublock`).
    ///
    /// The kernel counts a page when it becomes dirty, so what the job itself deletes before it reaches the device counts as
    /// well, and what others write on its behalf does not. Zero on a kernel without `CONFIG_TASK_IO_ACCOUNTING`.
    public var outputBlocks: Int

    /// Creates a usage.
    ///
    /// - Parameters:
    ///   - wallTime: From the confirmed start to the end.
    ///   - userTime: Processor time in user mode.
    ///   - systemTime: Processor time in the kernel.
    ///   - peakResidentBytes: Largest resident set in bytes, or `nil` when it was not larger than the daemon's.
    ///   - inputBlocks: Blocks of 512 bytes read from block devices.
    ///   - outputBlocks: Blocks of 512 bytes written to file systems on block devices.
    public init(
        wallTime: Duration,
        userTime: Duration,
        systemTime: Duration,
        peakResidentBytes: Int?,
        inputBlocks: Int = 0,
        outputBlocks: Int = 0
    ) {
        self.wallTime = wallTime
        self.userTime = userTime
        self.systemTime = systemTime
        self.peakResidentBytes = peakResidentBytes
        self.inputBlocks = inputBlocks
        self.outputBlocks = outputBlocks
    }
}

/// What a process wrote to a captured stream.
public struct CapturedOutput: Sendable, Hashable {
    /// The bytes, at most as many as the limit allowed.
    public var bytes: [UInt8]

    /// How many bytes beyond the limit were thrown away.
    public var omittedBytes: Int

    /// Creates a captured output.
    ///
    /// - Parameters:
    ///   - bytes: The bytes, at most as many as the limit allowed.
    ///   - omittedBytes: How many bytes beyond the limit were thrown away.
    public init(bytes: [UInt8], omittedBytes: Int = 0) {
        self.bytes = bytes
        self.omittedBytes = omittedBytes
    }

    /// The bytes as text; what is not UTF-8 is replaced.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}
