import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// The ways from a daemon to the processes of a job that belongs to somebody else, the strongest first.
///
/// A daemon that has a right to signal the account does so. One that has none kills the cgroup of the job, which takes no right;
/// has its launcher signal what the session scan finds, through `sudo` as the account; and has `sudo` relay what that relays. The
/// last resort is to kill `sudo`: the job is tied to it (`PR_SET_PDEATHSIG`), unless it has cut the tie.
final class SudoReach: Sendable {
    /// The `sudo` of the job.
    let sudo: StartedChild

    /// The first process of the job, which leads its session.
    let job: StartedChild
    let leader: SessionScan.Member

    /// The account of the job.
    var userID: UInt32 { invocation.userID }

    /// The cgroup of the job, if it has one.
    let group: ControlGroup?

    /// What is between the two of them and is not the job's: `sudo`, `su`, a shell.
    private let helpers: Set<SessionScan.Member>

    /// Those of them that are not this process's children, each behind the one that has started it.
    let between: [StartedChild]

    /// Whether a process of the account is between `sudo` and the job: a shell of a profile that has not become the launcher, and
    /// may do what it likes when the job has ended.
    var hasShell: Bool {
        between.contains { process in
            guard let status = try? ProcFile.read(FilePath("/proc/\(process.processID)/status")) else { return false }
            // Whose number it is now is known behind that.
            return process.isRunning && ProcessIDs(status: status)?.users.first?.rawValue == userID
        }
    }

    private let invocation: SudoInvocation
    private let state: Mutex<State>

    private struct State {
        var known: Set<SessionScan.Member> = []
        /// Whether `sudo` can be asked to signal; not any more once it has refused.
        var asks: Bool
        /// Until when it is not asked, after a call that did not end.
        var rests: ContinuousClock.Instant?
        /// Whether the first process was sent what ends it.
        var hasKilled = false
    }

    private static let relayed: Set<Int32> = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2]
    private static let patience = Duration.seconds(5)

    /// How long `sudo` is not asked again after a call that was killed: an account can hold up each of them.
    private static let rest = Duration.seconds(5)
    private static let stoppingTime = Duration.seconds(2)
    private static let rounds = 20
    private static let atOnce = 1_000

    init(
        sudo: StartedChild,
        job: StartedChild,
        leader: SessionScan.Member,
        helpers: Set<SessionScan.Member>,
        between: [StartedChild],
        group: ControlGroup?,
        asking invocation: SudoInvocation,
        _ asks: Bool
    ) {
        self.sudo = sudo
        self.job = job
        self.leader = leader
        self.helpers = helpers
        self.between = between
        self.group = group
        self.invocation = invocation
        state = Mutex(State(asks: asks))
    }

    /// Whether `sudo` is not asked to signal at present, and will be again.
    private var isResting: Bool {
        state.withLock { $0.asks && $0.rests.map { ContinuousClock.now < $0 } ?? false }
    }

    /// Whether this process has ended the first process of the job.
    var hasKilled: Bool { state.withLock { $0.hasKilled } }

    private func note(_ signal: Int32) {
        if signal == SIGKILL { state.withLock { $0.hasKilled = true } }
    }

    /// Sends a signal to the first process.
    ///
    /// - Returns: 0 or a negative error number.
    func signalProcess(_ signal: Int32) -> Int32 {
        // sudo stops itself with a command that is stopped, and does not go on with it.
        defer { if signal == SIGCONT { resumeHelpers() } }
        note(signal)
        let result = job.send(signal)
        guard result == -EPERM else { return result }
        if relay(signal) { return 0 }
        if ask(signal, [leader]) { return 0 }
        return signal == SIGKILL ? sudo.send(SIGKILL) : -EPERM
    }

    /// Sends a signal to the process group that the first process leads.
    ///
    /// - Returns: 0 or a negative error number.
    func signalGroup(_ signal: Int32) -> Int32 {
        guard job.isRunning else { return -ESRCH }
        note(signal)
        defer { if signal == SIGCONT { resumeHelpers() } }
        let members = SessionScan.find(group: job.processID) ?? [leader]
        return send(signal, to: members.isEmpty ? [leader] : members) ? 0 : signalProcess(signal)
    }

    /// Sends a signal to every process of the job that is found.
    ///
    /// - Returns: 0 or a negative error number.
    func signalTree(_ signal: Int32) -> Int32 {
        guard signal != SIGKILL else { return killTree() }
        let others = find()
        let members = (job.isRunning ? [leader] : []) + others
        let isSent = !members.isEmpty && send(signal, to: members)
        if signal == SIGCONT { resumeHelpers() }
        if isSent { return 0 }
        return job.isRunning ? signalProcess(signal) : -ESRCH
    }

    /// Kills every process of the job that is found, and `sudo` with them where the cgroup is killed.
    ///
    /// - Returns: 0 or a negative error number.
    func killTree() -> Int32 {
        note(SIGKILL)
        if let group { return group.isPopulated && group.kill() ? 0 : -ESRCH }
        let deadline = ContinuousClock.now + Self.stoppingTime
        var stopped: [SessionScan.Member] = job.isRunning ? [leader] : []
        // Who forks meanwhile would leave children behind that nobody knows any more. But su stops itself with its command, and
        // without its sudo nobody is left who may wake it: that command is killed at once, with all known that it has started so far.
        let mayStop = sudo.isRunning || !between.contains { $0.isRunning }
        if !mayStop { _ = find() }
        var isReached = stopped.isEmpty || send(mayStop ? SIGSTOP : SIGKILL, to: stopped)
        while isReached, ContinuousClock.now < deadline {
            let new = find().filter { !stopped.contains($0) }
            guard !new.isEmpty else { break }
            stopped += new
            isReached = send(SIGSTOP, to: new)
        }
        var isKilled = send(SIGKILL, to: stopped)
        for _ in 0..<Self.rounds where isKilled {
            let new = find().filter { !stopped.contains($0) }
            guard !new.isEmpty else { break }
            stopped += new
            _ = send(SIGKILL, to: new)
        }
        resumeHelpers()
        if !isKilled, job.isRunning { isKilled = sudo.send(SIGKILL) == 0 }
        return isKilled ? 0 : job.isRunning ? -EPERM : -ESRCH
    }

    /// Kills what an ended job has left behind.
    ///
    /// - Returns: How many are left, as far as they can be found, and whether there is a way to them, now or soon.
    func endLeftovers() -> (remaining: Int, isReached: Bool) {
        // Its sudo may have been killed, and the job have cut the tie to it.
        guard !find().isEmpty || job.isRunning else { return (0, true) }
        let isReached = killTree() == 0 || isResting
        return (find().count + (job.isRunning ? 1 : 0), isReached)
    }

    /// The processes of the job but its first one.
    private func find() -> [SessionScan.Member] {
        let known = state.withLock { $0.known }
        let found: [SessionScan.Member]
        if let group {
            found = group.processes.compactMap { process in
                ProcessStart.time(of: process).map { SessionScan.Member(process: process, startTime: $0) }
            }
        } else if job.isRunning {
            found = SessionScan.find(treeOf: job, knowing: known) ?? []
        } else {
            found = SessionScan.find(leftBy: leader, knowing: known) ?? Array(known)
        }
        let others = found.filter { $0 != leader && !helpers.contains($0) }
        state.withLock { $0.known.formUnion(others) }
        return others
    }

    /// Sends a signal to processes, the first of them last.
    ///
    /// - Returns: Whether one got it.
    private func send(_ signal: Int32, to members: [SessionScan.Member]) -> Bool {
        let reached = SessionScan.send(signal, to: members)
        let rest = members.filter { member in
            !reached.contains(member) && ProcessStart.time(of: member.process) == member.startTime
        }
        guard !rest.isEmpty else { return !reached.isEmpty }
        if ask(signal, rest.reversed()) { return true }
        return rest.contains(leader) && relay(signal) || !reached.isEmpty
    }

    /// Has the launcher send a signal as the account.
    private func ask(_ signal: Int32, _ members: [SessionScan.Member]) -> Bool {
        guard state.withLock({ $0.asks }), !isResting else { return false }
        var isSent = false
        for start in stride(from: 0, to: members.count, by: Self.atOnce) {
            let some = Array(members[start..<min(start + Self.atOnce, members.count)])
            do throws(SudoCall.Failure) {
                let answer = try SudoCall.run(invocation.arguments(for: .signal(signal, some)), for: Self.patience)
                isSent = isSent || answer.status == LAUNCH_SIGNAL_SENT
                // 1 is sudo's own. Where it does not permit it, it will not the next time; anything else may be over by then.
                if answer.status == 1, Self.isFinal(SudoRefusal(message: answer.output)) {
                    state.withLock { $0.asks = false }
                }
            } catch {
                guard error == .notInTime else { continue }
                state.withLock { $0.rests = .now + Self.rest }
                break
            }
        }
        return isSent
    }

    private static func isFinal(_ refusal: SudoRefusal) -> Bool {
        [.passwordRequired, .notInSudoers, .commandNotAllowed].contains(refusal)
    }

    /// Has `sudo` relay a signal, which it does to a command that it waits for itself.
    private func relay(_ signal: Int32) -> Bool {
        guard helpers.count == 1, Self.relayed.contains(signal) else { return false }
        // One that is stopped relays nothing.
        resumeHelpers()
        return sudo.send(signal) == 0
    }

    /// Has `sudo`, and what else waits for the job, go on: it stops itself with a job that is stopped, and nobody else wakes it.
    func resumeHelpers() {
        _ = sudo.send(SIGCONT)
        for helper in between.reversed() { _ = helper.send(SIGCONT) }
    }
}
