import LaunchPlan

extension ProcessTree {
    /// What the processes have used together, as far as the controllers of their cgroup tell.
    var peaks: ProcessTreePeaks? {
        guard let peaks = group?.peaks, peaks.memoryBytes != nil || peaks.processes != nil else { return nil }
        return ProcessTreePeaks(memoryBytes: peaks.memoryBytes, processes: peaks.processes)
    }
}
