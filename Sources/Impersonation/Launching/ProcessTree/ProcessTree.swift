import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// The processes of one job, as far as they can be found: the members of its cgroup, or of its session.
final class ProcessTree: Sendable {
    /// The first process of the job.
    let leader: Int32

    /// Who was found in the session so far: who has lost its parent since is not found again.
    private let known = Mutex<Set<SessionScan.Member>>([])

    /// The cgroup of the job, if it has one.
    let group: ControlGroup?

    init(leader: Int32, group: ControlGroup?) {
        self.leader = leader
        self.group = group
    }

    var containment: Containment { group.map { .controlGroup($0.path) } ?? .session }

    /// Whether finding the processes takes a look at all of them, which is nothing for a thread that others wait for.
    var isSlow: Bool { group == nil }

    /// Kills every process of the job but, without a cgroup, its leader.
    ///
    /// Nobody has reaped the leader, so its number and that of its session are its own.
    func kill() {
        if let group {
            group.kill()
        } else {
            _ = launch_signal_group(leader, SIGKILL)
            SessionScan.kill(treeOf: leader, knowing: known.withLock { $0 })
        }
    }

    /// Sends a signal to every process of the job that is found at this moment.
    ///
    /// Without a cgroup the others get it before the leader, whose end would make orphans of them.
    ///
    /// - Parameter signal: The signal.
    /// - Returns: Whether a process got it.
    func signal(_ signal: Signal) -> Bool {
        if let group { return group.signal(signal.rawValue) > 0 }
        let found = SessionScan.signal(signal.rawValue, treeOf: leader, knowing: known.withLock { $0 })
        known.withLock { $0.formUnion(found) }
        return Glibc.kill(leader, signal.rawValue) == 0 || !found.isEmpty
    }

    /// Whether a process is left, once the leader was reaped.
    var hasRemainder: Bool { group?.isPopulated ?? false }

    /// How many processes are left.
    var remainder: Int { group?.processes.count ?? 0 }

    var peaks: ProcessTreePeaks? {
        guard let peaks = group?.peaks, peaks.memoryBytes != nil || peaks.processes != nil else { return nil }
        return ProcessTreePeaks(memoryBytes: peaks.memoryBytes, processes: peaks.processes)
    }
}
