/// What the processes of a job may use together.
package struct ControlGroupLimits: Hashable, Sendable {
    /// Processes and threads (`pids.max`).
    package var processes: UInt64?

    /// Memory in bytes, swap included (`memory.max`, `memory.swap.max`).
    package var memoryBytes: UInt64?

    /// The share of the processor, from 1 to 10,000; 100 is what a group has by itself (`cpu.weight`).
    package var processorWeight: UInt64?

    package init(processes: UInt64? = nil, memoryBytes: UInt64? = nil, processorWeight: UInt64? = nil) {
        self.processes = processes
        self.memoryBytes = memoryBytes
        self.processorWeight = processorWeight
    }

    package var isEmpty: Bool { processes == nil && memoryBytes == nil && processorWeight == nil }

    var controllers: [String] {
        (processes == nil ? [] : ["pids"]) + (memoryBytes == nil ? [] : ["memory"])
            + (processorWeight == nil ? [] : ["cpu"])
    }

    /// Files of a group and what is written to them, in order.
    var settings: [(file: String, value: String)] {
        var settings: [(String, String)] = []
        if let processes { settings.append(("pids.max", "\(processes)")) }
        if let memoryBytes {
            settings.append(("memory.max", "\(memoryBytes)"))
            // All of it is killed, not one process of it that others wait for.
            settings.append(("memory.oom.group", "1"))
        }
        if let processorWeight { settings.append(("cpu.weight", "\(processorWeight)")) }
        return settings
    }
}
