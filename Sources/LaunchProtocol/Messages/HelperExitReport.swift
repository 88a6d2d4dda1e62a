/// A job that has ended, as the helper, whose child it was, was told by `waitid(2)` and `wait4(2)`.
package struct HelperExitReport: Hashable, Sendable {
    /// How a process ends (`si_code` of `SIGCHLD`), as far as that is known.
    package enum Ending: Int32, CaseIterable, Sendable {
        /// Nobody knows: a tracer keeps that to itself, or the kernel has reaped it.
        case unknown = 0

        /// It exited (`CLD_EXITED`).
        case exited = 1

        /// A signal ended it (`CLD_KILLED`).
        case killed = 2

        /// A signal ended it and it left a core (`CLD_DUMPED`).
        case dumped = 3
    }

    /// The most that all processes of the job used at one time.
    package struct GroupPeaks: Hashable, Sendable {
        /// Memory in bytes (`memory.peak`).
        package var memoryBytes: UInt64?

        /// Processes and threads (`pids.peak`).
        package var processes: UInt64?

        package init(memoryBytes: UInt64?, processes: UInt64?) {
            self.memoryBytes = memoryBytes
            self.processes = processes
        }
    }

    package var code: Ending

    /// The exit status from 0 to 255, or the number of the signal.
    package var status: Int32

    /// From the confirmed start to the end, in microseconds.
    package var wallMicroseconds: UInt64

    /// Time on the processor in user mode, in microseconds.
    package var userMicroseconds: UInt64

    /// Time on the processor in the kernel, in microseconds.
    package var systemMicroseconds: UInt64

    /// The largest resident set of one of its processes, in bytes.
    package var peakResidentBytes: UInt64

    /// Times the file system had to read (`ru_inblock`).
    package var blockInputOperations: UInt64

    /// Times the file system had to write (`ru_oublock`).
    package var blockOutputOperations: UInt64

    /// What its cgroup says; `nil` when it had none.
    package var groupPeaks: GroupPeaks?

    /// How many processes of a job that was ended as a whole hang in the kernel and are still there.
    package var remainingProcesses: UInt32

    package init(
        code: Ending,
        status: Int32,
        wallMicroseconds: UInt64,
        userMicroseconds: UInt64,
        systemMicroseconds: UInt64,
        peakResidentBytes: UInt64,
        blockInputOperations: UInt64,
        blockOutputOperations: UInt64,
        groupPeaks: GroupPeaks? = nil,
        remainingProcesses: UInt32 = 0
    ) {
        self.code = code
        self.status = status
        self.wallMicroseconds = wallMicroseconds
        self.userMicroseconds = userMicroseconds
        self.systemMicroseconds = systemMicroseconds
        self.peakResidentBytes = peakResidentBytes
        self.blockInputOperations = blockInputOperations
        self.blockOutputOperations = blockOutputOperations
        self.groupPeaks = groupPeaks
        self.remainingProcesses = remainingProcesses
    }
}
