import CLaunchPlan
import Glibc
import Synchronization

/// The processes of one job, as far as they can be found: the members of its cgroup, or of its session.
package final class ProcessTree: Sendable {
    /// The first process of the job.
    package let leader: Int32

    /// Who was found in the session so far: who has lost its parent since is not found again.
    private let known = Mutex<Set<SessionScan.Member>>([])

    /// The cgroup of the job, if it has one.
    package let group: ControlGroup?

    package init(leader: Int32, group: ControlGroup?) {
        self.leader = leader
        self.group = group
    }

    /// Whether finding the processes takes a look at all of them, which is nothing for a thread that others wait for.
    package var isSlow: Bool { group == nil }

    /// Kills every process of the job but, without a cgroup, its leader.
    ///
    /// Nobody has reaped the leader, so its number and that of its session are its own.
    package func kill() {
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
    package func signal(_ signal: Int32) -> Bool {
        if let group { return group.signal(signal) > 0 }
        let found = SessionScan.signal(signal, treeOf: leader, knowing: known.withLock { $0 })
        known.withLock { $0.formUnion(found) }
        return Glibc.kill(leader, signal) == 0 || !found.isEmpty
    }

    /// Whether a process is left, once the leader was reaped.
    package var hasRemainder: Bool { group?.isPopulated ?? false }

    /// How many processes are left.
    package var remainder: Int { group?.processes.count ?? 0 }
}
