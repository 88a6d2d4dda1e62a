import CHelperService
import CLaunchPlan
import Glibc
import LaunchPlan

/// A child on its way to the job, and then the job, with every process that belongs to it.
///
/// A helper with only `CAP_SETUID` and `CAP_SETGID` may not signal a process of another user. Where the kernel does not do it
/// by the cgroup, it takes the account's *effective* user id for the moment of the signal: that is enough to signal
/// (`kill(2)`), and not enough for a process of the account to signal or trace the helper, whose real and saved ids
/// stay.
struct JobProcess {
    let child: StartedChild
    let userID: UInt32
    let tree: ProcessTree
    private static let mayKill: UInt32 = 5
    /// How long whoever goes on forking is killed at once; he gets away only where he ends between two steps of that.
    private static let orphanPatience = Duration.milliseconds(20)

    init(
        _ child: StartedChild,
        as userID: UInt32,
        in group: ControlGroup?,
        adopting adoption: OrphanAdoption? = nil
    ) {
        self.child = child
        self.userID = userID
        tree = ProcessTree(leader: child, group: group, of: userID, adopting: adoption)
    }

    /// Sends a signal; the leader has not been reaped, so its number is its own.
    func send(_ signal: Int32, to target: SignalTarget) {
        switch target {
        case .process: sending { child.send(signal) }
        case .group: sendingToAll { _ = child.sendToGroup(signal) }
        case .tree where signal == SIGKILL: kill()
        case .tree: sendingToAll { _ = tree.signal(signal) }
        }
    }

    /// Kills everything.
    func kill() {
        // Where the kernel does not do it by a file that belongs to the helper, each process is killed.
        let isDone = tree.group?.kill() ?? false
        if !isDone || tree.scansSession { sendingToAll { _ = tree.kill() } }
        sending { child.send(SIGKILL) }
    }

    /// Kills everything that the first process, which has ended, has left.
    ///
    /// - Returns: How many are still there.
    func end() -> Int {
        let orphans = tree.adoptsOrphans ? endOrphans(but: child.processID) ?? 0 : 0
        guard launch_has_capability(Self.mayKill) != 1 else { return max(orphans, tree.end()) }
        kill()
        return max(orphans, tree.scansSession ? tree.countRemainder() : 0)
    }

    /// Kills and reaps whoever has lost his parent and was given to this process, until none is found or time is up: one that was
    /// killed takes a moment, and one that hangs in the kernel longer.
    ///
    /// Whoever forks and ends all the time is gone before a look at all processes comes to him, and is found here.
    ///
    /// - Parameter job: The number of the first process; 0 once it was reaped.
    /// - Returns: How many are left; `nil` when nobody could look. Once the first process has ended, whoever it has started has a
    ///   forebear among them, unless he was given to somebody else: the first process of a pid namespace that he has entered.
    func endOrphans(but job: Int32) -> Int? {
        let deadline = ContinuousClock.now + Self.orphanPatience
        var found: Int32 = 0
        repeat {
            sendingToAll { found = helper_kill_orphans(job) }
        } while found > 0 && ContinuousClock.now < deadline
        return found < 0 ? nil : Int(found)
    }

    private func sending(_ send: () -> Int32) {
        guard send() == -EPERM else { return }
        asTheAccount { _ = send() }
    }

    /// Of several processes one may be another user's by now, which only the helper itself may signal.
    private func sendingToAll(_ send: () -> Void) {
        send()
        if launch_has_capability(Self.mayKill) != 1 { asTheAccount(send) }
    }

    private func asTheAccount(_ body: () -> Void) {
        let (own, parent, deathSignal) = (geteuid(), getppid(), helper_death_signal())
        guard helper_become(userID) == 0 else { return }
        body()
        // With the wrong identity nothing else may be done here.
        if helper_come_back(own) != 0 { _exit(70) }
        // The change of the id has taken the death signal back, and a parent may have ended meanwhile.
        guard deathSignal != 0, helper_set_death_signal(parent, deathSignal) != 0 else { return }
        _ = Glibc.kill(getpid(), deathSignal)
    }

    enum SignalTarget {
        case process
        case group
        case tree
    }
}
