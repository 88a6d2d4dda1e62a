import CLaunchPlan
import Glibc
import SystemPackage

/// Finds the processes of a job where it has no cgroup: by session, process group and descent.
///
/// Weaker than a cgroup: a process that leaves the session after its parent has ended belongs to nobody that the kernel
/// still knows of, unless a process of the job's own adopts orphans (``OrphanAdoption``).
package enum SessionScan {
    /// A process that was found, told from a later one of the same number by its start.
    package struct Member: Hashable, Sendable {
        package let process: Int32
        package let startTime: UInt64

        package init(process: Int32, startTime: UInt64) {
            self.process = process
            self.startTime = startTime
        }
    }

    struct Entry: Hashable, Sendable {
        let member: Member
        let parent: Int32
        let group: Int32
        let session: Int32
    }

    /// How long processes are stopped that go on making others, before all that were found are killed.
    private static let stoppingTime = Duration.seconds(2)

    /// What keeps everybody from being seen, and not only one.
    private static let blinding: Set<Errno> = [
        .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .improperLink,
    ]

    /// More rounds than anybody forks who is killed in each of them.
    private static let rounds = 20

    /// Sends a signal to every process of a job but its leader.
    ///
    /// - Parameters:
    ///   - signal: The signal.
    ///   - leader: The first process of the job, the leader of its session. Once its number is not its own any more, only those
    ///     are found that were known before: a host that ignores `SIGCHLD` or waits for any child can take it away at every
    ///     moment.
    ///   - known: Processes that belonged to the job earlier. They, those of their sessions and what they have started belong to
    ///     it even if they have lost their parent since.
    ///   - adoption: What this process is given of the job, if anything.
    ///   - exceptions: Who is not to get it.
    /// - Returns: Who got it.
    @discardableResult
    package static func signal(
        _ signal: Int32,
        treeOf leader: StartedChild,
        knowing known: Set<Member> = [],
        adopting adoption: OrphanAdoption? = nil,
        except exceptions: Set<Int32> = []
    ) -> Set<Member> {
        let found = find(treeOf: leader, knowing: known, adopting: adoption)
        return send(signal, to: found?.filter { !exceptions.contains($0.process) } ?? [])
    }

    /// Kills the processes of a job but its leader until none is found any more.
    ///
    /// Each is stopped first: who forks meanwhile would leave children behind that nobody knows any more.
    ///
    /// - Parameters:
    ///   - leader: The first process of the job, stopped.
    ///   - known: Processes that belonged to the job earlier.
    ///   - adoption: What this process is given of the job, if anything.
    /// - Returns: Who was to be killed; one that hangs in the kernel is still there.
    @discardableResult
    package static func kill(
        treeOf leader: StartedChild,
        knowing known: Set<Member> = [],
        adopting adoption: OrphanAdoption? = nil
    ) -> Set<Member> {
        let deadline = ContinuousClock.now + stoppingTime
        // Where nobody can look, those who were seen earlier are all there is to go by.
        var stopped: Set<Member> = []
        var order: [Member] = []
        repeat {
            let new = (find(treeOf: leader, knowing: known.union(stopped), adopting: adoption) ?? Array(known))
                .filter { !stopped.contains($0) }
            if stopped.isEmpty, new.isEmpty { return [] }
            guard !new.isEmpty else { break }
            _ = send(SIGSTOP, to: new)
            stopped.formUnion(new)
            order += new
        } while ContinuousClock.now < deadline
        // Whatever a listing says now: who was stopped is killed, and remembered.
        var killed = stopped
        _ = send(SIGKILL, to: order)
        for _ in 0..<rounds {
            let found = find(treeOf: leader, knowing: known.union(killed), adopting: adoption) ?? []
            let new = found.filter { !killed.contains($0) }
            guard !new.isEmpty else { break }
            _ = send(SIGKILL, to: new)
            killed.formUnion(new)
        }
        return killed
    }

    /// The processes of a job but its leader, each behind the one that started it.
    ///
    /// - Parameters:
    ///   - leader: The first process of the job.
    ///   - known: Processes that belonged to the job earlier.
    ///   - adoption: What this process is given of the job, if anything.
    /// - Returns: Those that live; `nil` when nobody could look, which is not the same as nobody.
    package static func find(
        treeOf leader: StartedChild,
        knowing known: Set<Member> = [],
        adopting adoption: OrphanAdoption? = nil
    ) -> [Member]? {
        guard let all = listing() else { return nil }
        let number = leader.processID > 1 && leader.ownsNumber ? leader.processID : nil
        let roots = known.union(adoption?.orphans(but: number, among: all) ?? [])
        return members(of: number, first: leader.processID, among: all, knowing: roots) {
            read($0.member.process) == $0
        }
        .map(\.member)
    }

    /// The members of a job by a listing, each of them behind the one that started it.
    ///
    /// A listing of `/proc` is not one moment: a number in it may belong to somebody else by its end. A parent that still lives
    /// when the listing is done has lived all the time, so the number was its own when its child named it; and as long as a
    /// process is in a session, nobody else can begin one of that number.
    ///
    /// A member may be in a session of somebody else's: the first process of a pid namespace is given the orphans of whoever has
    /// entered that. So a session is the job's only where the process that began it is found itself, or is the first one.
    ///
    /// - Parameters:
    ///   - leader: The number of the first process, if it is its own, and was before the listing.
    ///   - first: The number that it had, which a session that still has a member has from it.
    ///   - all: The listing.
    ///   - known: Processes that belonged to the job earlier.
    ///   - isAlive: Whether a process of the listing still lives, as it is in it.
    /// - Returns: Those that belong to the job.
    static func members(
        of leader: Int32?,
        first: Int32,
        among all: [Entry],
        knowing known: Set<Member>,
        _ isAlive: (Entry) -> Bool
    ) -> [Entry] {
        let children = Dictionary(grouping: all, by: \.parent)
        let sessions = Dictionary(grouping: all, by: \.session)
        var numbers: Set<Int32> = []
        // Where a child is still on its way to a session of its own, that of this process is not the job's.
        var foreign: Set<Int32> = [0, getsid(0)]
        if let leader {
            numbers.insert(leader)
            foreign.formUnion(all.filter { $0.member.process == leader && $0.session != leader }.map(\.session))
        }
        var found: [Entry] = []
        func take(_ entries: [Entry]) {
            for entry in entries where numbers.insert(entry.member.process).inserted { found.append(entry) }
        }
        let everybody = Set(all.map(\.member.process))
        func isOfTheJob(_ session: Int32) -> Bool {
            guard !foreign.contains(session) else { return false }
            guard !everybody.contains(session) else { return numbers.contains(session) }
            return session == first
        }
        if let leader { take(all.filter { $0.session == leader || $0.group == leader || $0.parent == leader }) }
        take(all.filter { known.contains($0.member) })
        var next = 0
        while next < found.count {
            let entry = found[next]
            next += 1
            guard isAlive(entry) else { continue }
            if isOfTheJob(entry.session) { take(sessions[entry.session] ?? []) }
            take((children[entry.member.process] ?? []).filter { $0.member.startTime >= entry.member.startTime })
        }
        return found
    }

    /// The processes that a job has left behind in its session, once its first process was reaped by somebody else.
    ///
    /// No other session can have the number while a process is in this one, so only one that was begun since is taken for it: it is
    /// told by its leader, where that still runs, and by the start of its processes.
    ///
    /// - Parameters:
    ///   - leader: The first process of the job, which has led its session.
    ///   - known: Processes that belonged to the job earlier.
    /// - Returns: Those that live; `nil` when nobody could look.
    package static func find(leftBy leader: Member, knowing known: Set<Member>) -> [Member]? {
        guard let all = listing() else { return nil }
        let isTaken = all.contains { $0.member.process == leader.process && $0.member != leader }
        let left = all.filter { $0.session == leader.process && $0.member.startTime >= leader.startTime }
        let roots = known.union(isTaken ? [] : left.map(\.member))
        return members(of: nil, first: leader.process, among: all, knowing: roots) { read($0.member.process) == $0 }
            .map(\.member)
            .filter { $0 != leader }
    }

    /// Sends a signal to every process of the group that a process leads, to each by a descriptor of its own.
    ///
    /// - Parameters:
    ///   - signal: The signal.
    ///   - leader: The leader of the group.
    /// - Returns: 0 when a process got it, or a negative error number.
    static func signal(_ signal: Int32, groupOf leader: StartedChild) -> Int32 {
        guard let members = find(group: leader.processID) else { return -EAGAIN }
        // One that still runs behind the look has had its number all the time, and the group with it.
        guard leader.isRunning else { return -ESRCH }
        return send(signal, to: members).isEmpty ? leader.send(signal) : 0
    }

    /// Which processes of a group live, by the number of the group.
    package static func find(group: Int32) -> [Member]? {
        listing()?.filter { $0.group == group }.map(\.member)
    }

    /// Sends a signal to those that still are who they were, the last found first: the end of a parent makes orphans.
    ///
    /// - Returns: Who got it.
    package static func send(_ signal: Int32, to members: [Member]) -> Set<Member> {
        Set(
            members.reversed()
                .filter { member in
                    let descriptor = linux_pidfd_open(member.process)
                    guard descriptor >= 0 else { return false }
                    defer { close(descriptor) }
                    // The number may have passed to another process between the look and the descriptor.
                    return read(member.process)?.member == member && launch_signal(descriptor, signal) == 0
                }
        )
    }

    /// Everybody; `nil` where `/proc` cannot be read for the moment, and nobody where its numbers mean others.
    static func listing() -> [Entry]? {
        guard ProcFile.showsOwnNamespace else { return [] }
        guard let processes = try? ProcFile.processes() else { return nil }
        var entries: [Entry] = []
        for process in processes {
            do throws(Errno) {
                let stat = try ProcessStat(of: process)
                if !stat.hasEnded { entries.append(Entry(stat, of: process)) }
            } catch {
                // One that has ended meanwhile, or that is hidden (hidepid), is nothing to go by; without a descriptor, or with
                // the numbers of another namespace, nobody is.
                guard !blinding.contains(error) else { return nil }
            }
        }
        return entries
    }

    /// Zombies are nobody's to signal any more.
    static func read(_ process: Int32) -> Entry? {
        guard let stat = try? ProcessStat(of: process), !stat.hasEnded else { return nil }
        return Entry(stat, of: process)
    }
}

extension SessionScan.Entry {
    fileprivate init(_ stat: ProcessStat, of process: Int32) {
        self.init(
            member: SessionScan.Member(process: process, startTime: stat.startTime),
            parent: stat.parent,
            group: stat.group,
            session: stat.session
        )
    }
}
