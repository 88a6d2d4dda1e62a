package import SystemPackage

/// What the processes of a job may use together.
package struct ControlGroupLimits: Hashable, Sendable {
    /// Processes and threads (`pids.max`).
    package var processes: UInt64?

    /// Memory in bytes (`memory.max`); there is no swap beyond it (`memory.swap.max`).
    package var memoryBytes: UInt64?

    /// The share of the processor, from 1 to 10,000; 100 is what a group has by itself (`cpu.weight`).
    package var processorWeight: UInt64?

    /// Processor time in microseconds of all processors together, for each ``quotaPeriodMicroseconds`` (`cpu.max`).
    package var processorQuotaMicroseconds: UInt64?

    /// The period of ``processorQuotaMicroseconds``: what the kernel takes by itself.
    package static let quotaPeriodMicroseconds: UInt64 = 100_000

    /// Every ``processorWeight`` that the kernel takes.
    package static let processorWeights: ClosedRange<UInt64> = 1...10_000

    /// Every ``processorQuotaMicroseconds`` that the kernel takes (`min_cfs_quota_period` and `max_cfs_runtime` of its scheduler).
    package static let processorQuotas: ClosedRange<UInt64> = 1_000...(1 << 44) - 1

    package init(
        processes: UInt64? = nil,
        memoryBytes: UInt64? = nil,
        processorWeight: UInt64? = nil,
        processorQuotaMicroseconds: UInt64? = nil
    ) {
        self.processes = processes
        self.memoryBytes = memoryBytes
        self.processorWeight = processorWeight
        self.processorQuotaMicroseconds = processorQuotaMicroseconds
    }

    package var isEmpty: Bool {
        processes == nil && memoryBytes == nil && processorWeight == nil && processorQuotaMicroseconds == nil
    }

    var controllers: [String] {
        (processes == nil ? [] : ["pids"]) + (memoryBytes == nil ? [] : ["memory"])
            + (processorWeight == nil && processorQuotaMicroseconds == nil ? [] : ["cpu"])
    }

    /// Writes the limits into the files of a group.
    ///
    /// - Parameter directory: The directory of the group.
    /// - Throws: `Errno` of the first that is refused.
    package func write(in directory: OwnedDescriptor) throws(Errno) {
        if let processes { try ControlGroup.write("\(processes)", to: "pids.max", in: directory) }
        if let memoryBytes {
            try ControlGroup.write("\(memoryBytes)", to: "memory.max", in: directory)
            // Otherwise a job at its limit would take the swap of the machine before it is stopped.
            do throws(Errno) {
                try ControlGroup.write("0", to: "memory.swap.max", in: directory)
            } catch .noSuchFileOrDirectory {
                // A kernel that does not account for swap has no such file.
            } catch {
                throw error
            }
            // All of it is killed, not one process of it that others wait for.
            try ControlGroup.write("1", to: "memory.oom.group", in: directory)
        }
        if let processorWeight { try ControlGroup.write("\(processorWeight)", to: "cpu.weight", in: directory) }
        if let quota = processorQuotaMicroseconds {
            try ControlGroup.write("\(quota) \(Self.quotaPeriodMicroseconds)", to: "cpu.max", in: directory)
        }
    }
}
