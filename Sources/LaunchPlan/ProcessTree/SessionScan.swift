import CLaunchPlan
import Glibc
import SystemPackage

/// Finds the processes of a job where it has no cgroup: by session, process group and descent.
///
/// Weaker than a cgroup: a process that leaves the session after its parent has ended belongs to nobody that the kernel
/// still knows of, unless this process adopts orphans (`PR_SET_CHILD_SUBREAPER`).
package enum SessionScan {
    /// A process that was found, told from a later one of the same number by its start.
    package struct Member: Hashable, Sendable {
        package let process: Int32
        let startTime: UInt64
    }

    private struct Entry {
        let member: Member
        let stat: ProcessStat
    }

    /// More rounds than anybody forks who is killed in each of them.
    private static let rounds = 100

    /// Sends a signal to every process of a job but its leader.
    ///
    /// - Parameters:
    ///   - signal: The signal.
    ///   - leader: The first process of the job, which nobody has reaped: the leader of its session.
    ///   - known: Processes that belonged to the job earlier. They and what they have started belong to it even if they
    ///     have lost their parent since.
    /// - Returns: Who got it.
    @discardableResult
    package static func signal(_ signal: Int32, treeOf leader: Int32, knowing known: Set<Member> = []) -> Set<Member> {
        guard leader > 1 else { return [] }
        return members(of: leader, knowing: known)
            .filter { member in
                let descriptor = linux_pidfd_open(member.process)
                guard descriptor >= 0 else { return false }
                defer { close(descriptor) }
                // The number may have passed to another process between the look and the descriptor.
                guard read(member.process)?.member == member else { return false }
                return launch_signal(descriptor, signal) == 0
            }
    }

    /// Kills the processes of a job but its leader until none is found any more.
    ///
    /// - Parameters:
    ///   - leader: The first process of the job, which nobody has reaped.
    ///   - known: Processes that belonged to the job earlier.
    package static func kill(treeOf leader: Int32, knowing known: Set<Member> = []) {
        var known = known
        for _ in 0..<rounds {
            let found = signal(SIGKILL, treeOf: leader, knowing: known)
            guard !found.isEmpty else { return }
            known.formUnion(found)
        }
    }

    private static func members(of leader: Int32, knowing known: Set<Member>) -> Set<Member> {
        let all = (try? ProcFile.processes())?.compactMap { read($0) } ?? []
        var found = Set(all.map(\.member).filter(known.contains).map(\.process)).union([leader])
        var size = 0
        while found.count > size {
            size = found.count
            for entry in all
            where found.contains(entry.stat.parent) || entry.stat.session == leader || entry.stat.group == leader {
                found.insert(entry.member.process)
            }
        }
        return Set(all.map(\.member).filter { $0.process != leader && found.contains($0.process) })
    }

    /// Zombies are nobody's to signal any more.
    private static func read(_ process: Int32) -> Entry? {
        guard let stat = try? ProcessStat(of: process), !stat.hasEnded else { return nil }
        return Entry(member: Member(process: process, startTime: stat.startTime), stat: stat)
    }
}
