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

    struct Entry {
        let member: Member
        let parent: Int32
        let group: Int32
        let session: Int32
    }

    /// More rounds than anybody forks who is killed in each of them.
    private static let rounds = 100

    /// Sends a signal to every process of a job but its leader.
    ///
    /// A listing of `/proc` is not one moment: a number in it may belong to somebody else by its end. So each process is held by
    /// a descriptor first, and what makes it one of the job is asked again then: those that have started others come after
    /// them, so that they are still there to be asked for.
    ///
    /// - Parameters:
    ///   - signal: The signal.
    ///   - leader: The first process of the job, the leader of its session. Once its number is not its own any more, nobody is
    ///     found: a host that ignores `SIGCHLD` or waits for any child can take it away at every moment.
    ///   - known: Processes that belonged to the job earlier. They and what they have started belong to it even if they
    ///     have lost their parent since.
    ///   - exceptions: Who is not to get it.
    /// - Returns: Who got it.
    @discardableResult
    package static func signal(
        _ signal: Int32,
        treeOf leader: StartedChild,
        knowing known: Set<Member> = [],
        except exceptions: Set<Int32> = []
    ) -> Set<Member> {
        let all = listing()
        guard leader.processID > 1, leader.ownsNumber else { return [] }
        let found = members(of: leader.processID, among: all, knowing: known)
        let starts = Dictionary(found.map { ($0.member.process, $0.member) }) { first, _ in first }
        var reached: Set<Member> = []
        for entry in found.reversed() where !exceptions.contains(entry.member.process) {
            let descriptor = linux_pidfd_open(entry.member.process)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            guard let now = read(entry.member.process), now.member == entry.member,
                known.contains(now.member) || belongs(now, to: leader, beside: starts), leader.ownsNumber
            else { continue }
            if launch_signal(descriptor, signal) == 0 { reached.insert(now.member) }
        }
        return reached
    }

    /// Kills the processes of a job but its leader until none is found any more.
    ///
    /// - Parameters:
    ///   - leader: The first process of the job.
    ///   - known: Processes that belonged to the job earlier.
    package static func kill(treeOf leader: StartedChild, knowing known: Set<Member> = []) {
        var known = known
        for _ in 0..<rounds {
            let found = signal(SIGKILL, treeOf: leader, knowing: known)
            guard !found.isEmpty else { return }
            known.formUnion(found)
        }
    }

    /// Whether a process belongs to a job at this moment, and not only by a number in a listing.
    ///
    /// - Parameters:
    ///   - entry: The process as it is now, held by a descriptor.
    ///   - leader: The first process of the job.
    ///   - found: Who was found by the listing.
    /// - Returns: Whether it does.
    static func belongs(_ entry: Entry, to leader: StartedChild, beside found: [Int32: Member]) -> Bool {
        let number = leader.processID
        if entry.session == number || entry.group == number || entry.parent == number { return true }
        guard let parent = found[entry.parent] else { return false }
        return read(entry.parent)?.member == parent
    }

    /// The members of a job by a listing, each of them behind the one that started it.
    static func members(of leader: Int32, among all: [Entry], knowing known: Set<Member>) -> [Entry] {
        let children = Dictionary(grouping: all, by: \.parent)
        var found = all.filter { entry in
            entry.member.process != leader
                && (entry.session == leader || entry.group == leader || entry.parent == leader
                    || known.contains(entry.member))
        }
        var numbers = Set(found.map(\.member.process)).union([leader])
        var next = 0
        while next < found.count {
            for child in children[found[next].member.process] ?? []
            where numbers.insert(child.member.process).inserted { found.append(child) }
            next += 1
        }
        return found
    }

    static func listing() -> [Entry] {
        (try? ProcFile.processes())?.compactMap { read($0) } ?? []
    }

    /// Zombies are nobody's to signal any more.
    static func read(_ process: Int32) -> Entry? {
        guard let stat = try? ProcessStat(of: process), !stat.hasEnded else { return nil }
        return Entry(
            member: Member(process: process, startTime: stat.startTime),
            parent: stat.parent,
            group: stat.group,
            session: stat.session
        )
    }
}
