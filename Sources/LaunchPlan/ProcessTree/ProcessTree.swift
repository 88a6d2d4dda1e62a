import CLaunchPlan
import Glibc
import Synchronization

/// The processes of one job, as far as they can be found: the members of its cgroup, or of its session, or of both where the
/// job could leave the cgroup.
package final class ProcessTree: Sendable {
    /// The first process of the job.
    package let leader: StartedChild

    /// The cgroup of the job, if it has one.
    package let group: ControlGroup?

    /// Whether finding the processes takes a look at all of them, which is nothing for a thread that others wait for, and which
    /// finds nobody once the first process was reaped.
    package let scansSession: Bool

    /// What this process is given of a job without a cgroup of its own, if anything.
    private let adoption: OrphanAdoption?

    /// Who was found in the session so far: who has lost its parent since is not found again.
    private let known = Mutex<Set<SessionScan.Member>>([])

    /// Describes the processes of a job.
    ///
    /// - Parameters:
    ///   - leader: Its first process.
    ///   - group: Its cgroup, if it has one.
    ///   - userID: The account of the job: a group that belongs to that account can be left.
    ///   - adoption: What this process is given of the job, if anything.
    package init(
        leader: StartedChild,
        group: ControlGroup?,
        of userID: UInt32,
        adopting adoption: OrphanAdoption? = nil
    ) {
        self.adoption = adoption
        self.leader = leader
        self.group = group
        scansSession = group.map { $0.owner == userID } ?? true
    }

    /// Kills every process of the job that is found.
    ///
    /// In a session the leader goes last: its end makes orphans of those it has started, which nobody finds any more where they
    /// have sessions of their own. It is stopped until then, so that it starts no more of them.
    ///
    /// - Returns: 0 when a process is killed, or a negative error number.
    @discardableResult
    package func kill() -> Int32 {
        var isKilled = group.map { $0.isPopulated && $0.kill() } ?? false
        if scansSession {
            _ = leader.send(SIGSTOP)
            // Nobody can be added to a job whose first process has ended and left nobody.
            let mayGrow = leader.isRunning
            for _ in 0..<2 {
                let found = SessionScan.kill(treeOf: leader, knowing: known.withLock { $0 }, adopting: adoption)
                known.withLock { $0.formUnion(found) }
                isKilled = isKilled || !found.isEmpty
                guard mayGrow || !found.isEmpty else { break }
                // Who was just being forked is in the group, or is found once more.
                _ = leader.sendToGroup(SIGKILL)
            }
        }
        let result = leader.send(SIGKILL)
        return isKilled ? 0 : result
    }

    /// Kills every process of a job whose first process has ended.
    ///
    /// - Returns: How many are left, as far as they can be found; those that were killed take a moment.
    package func end() -> Int {
        guard scansSession else {
            group?.kill()
            return 0
        }
        // Mostly that one look is all it takes.
        let found = SessionScan.find(treeOf: leader, knowing: known.withLock { $0 }, adopting: adoption)
        guard found?.isEmpty != true || group != nil else { return 0 }
        kill()
        return countRemainder()
    }

    /// Sends a signal to every process of the job that is found at this moment.
    ///
    /// Without a cgroup the others get it before the leader, whose end would make orphans of them.
    ///
    /// - Parameter signal: The signal.
    /// - Returns: 0 when a process got it, or a negative error number.
    @discardableResult
    package func signal(_ signal: Int32) -> Int32 {
        let members = group?.signal(signal) ?? []
        var isTaken = !members.isEmpty
        if scansSession {
            let found = SessionScan.signal(
                signal,
                treeOf: leader,
                knowing: known.withLock { $0 },
                adopting: adoption,
                except: members
            )
            known.withLock { $0.formUnion(found) }
            isTaken = isTaken || !found.isEmpty
        }
        guard !members.contains(leader.processID) else { return 0 }
        let result = leader.send(signal)
        return isTaken ? 0 : result
    }

    /// Whether this process is given whoever of the job loses his parent, and has to reap him.
    package var adoptsOrphans: Bool { adoption != nil }

    /// Whether a process is left in the cgroup, once the leader was reaped.
    package var hasRemainder: Bool { group?.isPopulated ?? false }

    /// How many processes are left in the cgroup.
    package var remainder: Int { group?.remainder ?? 0 }

    /// How many processes are left beside the leader, as far as they can be found: a look at all processes.
    package func countRemainder() -> Int {
        guard scansSession else { return remainder }
        let found = SessionScan.find(treeOf: leader, knowing: known.withLock { $0 }, adopting: adoption)
        return max(remainder, found?.count ?? 1)
    }
}
