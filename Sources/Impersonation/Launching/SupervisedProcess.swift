import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// A child of this process, waited for by the reactor from its start to its end.
///
/// It is reaped as soon as it has ended, whether or not anybody asks, and is only ever signalled by its pidfd, which
/// cannot come to mean another process.
final class SupervisedProcess: ProcessControl {
    private struct State {
        /// Whether what is left of the job is killed with the end of its first process.
        var endsTree = false
        /// How many processes were still found in the session when it was to be ended.
        var remaining = 0
        var hasEndedSession = false
        var retryDelay: Duration = .milliseconds(1)
        var heldBackSince: ContinuousClock.Instant?
    }

    private static let longestRetryDelay: Duration = .seconds(1)

    /// How long a tracer may keep the end of a job to itself before the job counts as ended.
    private static let tracerPatience: Duration = .seconds(2)

    /// How long processes that were killed may take to go; some hang in the kernel.
    private static let remainderPatience: Duration = .seconds(10)
    /// How long a look at all processes may take before the first process is killed without it.
    private static let scanPatience: Duration = .seconds(5)

    /// Where all of `/proc` is looked at.
    private static let scanners = BlockingWorkers(name: "impersonation-tr", maximumThreads: 4)

    /// Where the members of cgroups are looked at, which those without are not to hold up.
    private static let groupScanners = BlockingWorkers(name: "impersonation-gr", maximumThreads: 4)

    private let tree: ProcessTree
    private let child: StartedChild
    private let reaping = ReapingGuard()
    private let streams: JobStreams
    private let reactor: Reactor
    private let end = JobEnd()
    private let request = TerminationRequest()
    private let started = ContinuousClock.now
    private let inheritedPeak = SupervisedProcess.ownPeakResidentBytes()
    private let state = Mutex(State())

    /// Takes a child over.
    ///
    /// - Parameters:
    ///   - child: The child.
    ///   - group: The cgroup of the job, if it has one; it is removed when the job has ended.
    ///   - userID: The account of the job.
    ///   - streams: The daemon's ends of its standard streams.
    ///   - reactor: The thread that waits for it.
    init(
        _ child: StartedChild,
        in group: ControlGroup? = nil,
        of userID: UInt32,
        streams: StreamPlumbing,
        on reactor: Reactor
    ) {
        self.child = child
        tree = ProcessTree(leader: child, group: group, of: userID)
        self.reactor = reactor
        self.streams = JobStreams(streams, on: reactor)
    }

    /// Begins to read captured streams, and to write what the job is to read.
    ///
    /// Before the launch is confirmed, so that a job that writes a lot at once is not held up.
    func startReading() {
        streams.start()
    }

    /// Begins to wait for the end of the child.
    ///
    /// Where the kernel has no place for one more wait, the child is looked at again and again instead.
    func startWaiting() {
        do throws(Errno) {
            try reactor.wait(for: child.processDescriptor.rawValue, .reading) { [self] _ in reap() }
        } catch {
            reapLater()
        }
    }

    func exitReport() async throws(LaunchError) -> ExitReport {
        try await end.value()
    }

    var hasEnded: Bool { end.isKnown }

    var isRunning: Bool { !end.isKnown && child.isRunning }

    /// Ends a child that is not to run, and reaps it; in the background, when it takes longer than that.
    ///
    /// - Parameter limit: How long the caller waits at most.
    /// - Returns: Whether it is gone. A child that already has the account's ids cannot be killed without `CAP_KILL`.
    @discardableResult
    func discard(within limit: Duration) async -> Bool {
        kill()
        let ending = try? await reactor.ready(child.processDescriptor.rawValue, .reading, until: .now + limit)
        return conclude(isReadable: ending == .ready)
    }

    /// Ends a child that is not to run, and reaps it, on a thread that may block.
    ///
    /// - Parameter limit: How long the thread blocks at most; later, the child is reaped in the background.
    func discardBlocking(within limit: Duration) {
        kill()
        var event = pollfd(fd: child.processDescriptor.rawValue, events: Int16(POLLIN), revents: 0)
        let milliseconds = Int32(clamping: limit.components.seconds * 1_000)
        _ = conclude(isReadable: unsafe poll(&event, 1, milliseconds) > 0)
    }

    /// Kills the child and its cgroup or process group, at once.
    ///
    /// - Returns: Whether the kernel has taken the signal for the child. By its cgroup that needs no right to signal it.
    @discardableResult
    func kill() -> Bool {
        let isKilledByGroup = tree.group?.kill() ?? false
        if tree.scansSession { _ = using { child.sendToGroup(SIGKILL) } }
        return child.send(SIGKILL) == 0 || isKilledByGroup
    }

    /// Kills all of the job, on a thread that may look at all processes; where none is free in time, what can be killed without.
    private func killTree() {
        killGroup()
        guard tree.scansSession else {
            _ = child.send(SIGKILL)
            return
        }
        Task.detached { [self] in
            _ = await Self.scanners.performToTheEnd(deadline: nil) { [self] in _ = try? send(.kill, to: .tree) }
        }
        _ = reactor.alarm(at: .now + Self.scanPatience) { [self] in
            if child.isRunning { kill() }
        }
    }

    /// Kills what is in the cgroup, on a thread of its own where the kernel does not do it.
    private func killGroup() {
        guard let group = tree.group else { return }
        if group.isKilledByKernel {
            group.kill()
        } else {
            Task.detached { _ = await Self.groupScanners.performToTheEnd(deadline: nil) { group.kill() } }
        }
    }

    /// Has what is left of the job killed when its first process ends.
    func endDescendantsAtEnd() {
        state.withLock { $0.endsTree = true }
    }

    private func conclude(isReadable: Bool) -> Bool {
        guard isReadable else {
            startWaiting()
            return false
        }
        // The group of a child that never became the job holds nobody else; one that was killed in its exec might.
        _ = child.sendToGroup(SIGKILL)
        reapNow()
        return end.isKnown
    }

    func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        endDescendantsAtEnd()
        let deadline = ContinuousClock.now + max(.zero, gracePeriod)
        let hasEnded = end.isKnown
        // Before anything that has to wait for its turn.
        let alarm = reactor.alarm(at: deadline) { [self] in killTree() }
        // Without a cgroup nobody finds what has left the session any more once the first process is gone.
        await request.make(until: deadline) { [self] in await signalTree(.terminate) }
        // Whoever is stopped cannot end politely.
        await signalTree(.resume)
        let outcome = await Result { () async throws(LaunchError) in
            let patience = max(deadline, .now) + Self.remainderPatience
            return try await end.value(askingAt: patience, on: reactor) { [self] in hanging }
        }
        reactor.cancel(alarm)
        // The end may have been reported before anybody wanted nothing to be left.
        let remaining = await endRemainder(from: hasEnded ? deadline : .now)
        var report = try outcome.get()
        if let remaining {
            report.remainingProcesses = tree.scansSession ? max(report.remainingProcesses, remaining) : remaining
        }
        return report
    }

    /// What is told to those who end a job that does not end; it is waited for all the same.
    private var hanging: LaunchError? {
        guard child.isRunning else { return nil }
        return LaunchError(
            .stillRunning,
            step: .wait,
            message: "process \(child.processID) was to be killed and has not ended: it stands in the kernel, mostly "
                + "for a file system that does not answer (FUSE, NFS), and ends when that does "
                + "(/proc/\(child.processID)/stack tells where), or the daemon has no right to signal it (CAP_KILL)"
        )
    }

    /// Kills what the first process has left behind in the cgroup.
    ///
    /// - Parameter instant: From when on.
    /// - Returns: How many processes hang in the kernel; `nil` when there was none to end.
    private func endRemainder(from instant: ContinuousClock.Instant) async -> Int? {
        guard end.isKnown, tree.hasRemainder else { return nil }
        let deadline = max(instant, .now) + Self.remainderPatience
        var delay = Duration.milliseconds(1)
        while tree.hasRemainder, ContinuousClock.now < deadline {
            if ContinuousClock.now >= instant { tree.group?.kill() }
            await reactor.pause(delay)
            delay = min(delay * 2, .milliseconds(100))
        }
        return tree.remainder
    }

    /// Signals all of the job, on a thread that may look at all processes.
    ///
    /// - Returns: Whether somebody got the signal.
    @discardableResult
    private func signalTree(_ signal: Signal) async -> Bool {
        let scanners = tree.scansSession ? Self.scanners : Self.groupScanners
        let isSent = await scanners.performToTheEnd(deadline: nil) { [self] in (try? send(signal, to: .tree)) != nil }
        return (try? isSent.get()) ?? false
    }

    /// Does something while nobody reaps the child, so that its number, and that of the group it leads, mean nobody else;
    /// unless the host has the kernel reap its children, which `waitid(2)` tells.
    ///
    /// - Returns: `nil` once it was reaped.
    private func using<R>(_ body: () -> R) -> R? {
        reaping.using(body) { reap() }
    }

    func send(_ signal: Signal, to target: SignalTarget) throws(Errno) {
        let number = signal.rawValue
        let signalTree = { [tree] in signal == .kill ? tree.kill() : tree.signal(number) }
        let result =
            switch target {
            case .process: child.send(number)
            case .group: using { child.sendToGroup(number) } ?? -ESRCH
            // A cgroup has its processes also when the first of them is gone.
            case .tree: tree.scansSession ? using(signalTree) ?? signalTree() : signalTree()
            }
        guard result == 0 else { throw Errno(rawValue: -result) }
    }

    var reference: JobReference? {
        .of(child, controlGroup: tree.group?.path)
    }

    func takeStandardInput() -> FileDescriptor? { streams.inputPipe?.take() }

    func takeStandardOutput() -> FileDescriptor? { streams.outputPipe?.take() }

    func takeStandardError() -> FileDescriptor? { streams.errorPipe?.take() }

    var standardInput: ProcessInput? { streams.input }

    var standardOutput: ProcessOutput? { streams.output }

    var standardError: ProcessOutput? { streams.error }

    var terminal: PseudoTerminal? { streams.terminal }

    /// The peak of this process, which a child of `CLONE_VM` begins its own account with.
    private static func ownPeakResidentBytes() -> Int64 {
        var usage = rusage()
        guard unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return .max }
        return Int64(usage.ru_maxrss) * 1_024
    }

    /// Looks whether the child has ended, and reaps it; a look at all processes first is nothing for the reactor's thread.
    private func reap() {
        guard state.withLock({ $0.endsTree }) else { return reapNow() }
        killGroup()
        let isFirstTime = state.withLock { state in
            defer { state.hasEndedSession = true }
            return !state.hasEndedSession
        }
        guard tree.scansSession, isFirstTime else { return reapNow() }
        Task.detached { [self] in
            await endSession()
            reapNow()
        }
    }

    /// Kills what is left of the session, and waits until it has gone; as long as the child is not reaped, it can be found.
    private func endSession() async {
        let deadline = ContinuousClock.now + Self.remainderPatience
        var delay = Duration.milliseconds(1)
        while true {
            let result = await Self.scanners.performToTheEnd(deadline: nil) { [self] in
                using {
                    tree.end()
                }
            }
            let remaining =
                switch result {
                case .success(let count): count ?? 0
                // Without a thread nobody can tell.
                case .failure: 1
                }
            state.withLock { $0.remaining = remaining }
            guard remaining > 0, ContinuousClock.now < deadline else { return }
            await reactor.pause(delay)
            delay = min(delay * 2, Self.longestRetryDelay)
        }
    }

    private func reapNow() {
        var exit = launch_exit()
        var outcome: Int32?
        reaping.reap {
            let descriptor = child.processDescriptor.rawValue
            let result = unsafe launch_reap(descriptor, &exit)
            // A host that ignores SIGCHLD, or waits for any child, has taken the status. Newer kernels still know it.
            let isStillKnown = unsafe result < 0 && launch_exit_of_reaped(descriptor, &exit) == 0
            outcome = isStillKnown ? 2 : result
            return result != 0
        }
        if let outcome, outcome != 0 { child.processDescriptor.closeNow() }
        switch outcome {
        case nil: return
        case 0: holdBack()
        case 1:
            let usage = ResourceUsage(
                wallTime: ContinuousClock.now - started,
                userTime: .microseconds(exit.user_microseconds),
                systemTime: .microseconds(exit.system_microseconds),
                peakResidentBytes: exit.peak_resident_bytes > inheritedPeak ? Int(exit.peak_resident_bytes) : nil,
                inputBlocks: Int(exit.input_blocks),
                outputBlocks: Int(exit.output_blocks)
            )
            settle(.success(report(exit, usage: usage)))
        case 2: settle(.success(report(exit, usage: nil)))
        default:
            settle(
                .failure(
                    lost(
                        .noChildProcess,
                        "the job has ended, but its exit status was taken by somebody else in this process; do not ignore "
                            + "SIGCHLD and do not wait for every child"
                    )
                )
            )
        }
    }

    /// Ends the job once nothing is left of it, where nothing is to be left.
    private func settle(_ end: JobEnd.Outcome) {
        guard state.withLock({ $0.endsTree }), tree.hasRemainder else { return finishAndRemove(end) }
        settleLater(end, .milliseconds(1), until: .now + Self.remainderPatience)
    }

    private func settleLater(_ end: JobEnd.Outcome, _ delay: Duration, until deadline: ContinuousClock.Instant) {
        killGroup()
        _ = reactor.alarm(at: .now + delay) { [self] in
            guard tree.hasRemainder, ContinuousClock.now < deadline else {
                return finishAndRemove(end)
            }
            settleLater(end, min(delay * 2, Self.longestRetryDelay), until: deadline)
        }
    }

    /// Tells the end; the cgroup goes a moment later, when the last process has left it, or with this process.
    private func finishAndRemove(_ end: JobEnd.Outcome) {
        var end = end
        if case .success(var report) = end {
            report.treePeaks = tree.peaks
            let (endsTree, remaining) = state.withLock { ($0.endsTree, $0.remaining) }
            if endsTree { report.remainingProcesses = max(tree.remainder, remaining) }
            end = .success(report)
        }
        // First, since a host may exit as soon as it knows.
        tree.group?.removal.perform(aside: reactor)
        finish(end)
    }

    /// A tracer of the job is told of its end first, and may keep the zombie to itself for as long as it likes.
    ///
    /// The pidfd stays readable meanwhile, so it cannot be waited for.
    private func holdBack() {
        let isHeldForGood = state.withLock { state in
            let since = state.heldBackSince ?? .now
            state.heldBackSince = since
            return ContinuousClock.now - since > Self.tracerPatience
        }
        if isHeldForGood {
            finish(
                .failure(
                    lost(
                        nil,
                        "the job has ended, but a process that traces it holds its exit status back; end the tracer, a "
                            + "process of the same account"
                    )
                )
            )
        }
        reapLater()
    }

    private func reapLater() {
        let delay = state.withLock { state in
            defer { state.retryDelay = min(state.retryDelay * 2, Self.longestRetryDelay) }
            return state.retryDelay
        }
        _ = reactor.alarm(at: .now + delay) { [self] in
            // Where the kernel had no place for a wait it still runs.
            if child.isRunning { startWaiting() } else { reap() }
        }
    }

    private func report(_ exit: launch_exit, usage: ResourceUsage?) -> ExitReport {
        let captured = streams.finish()
        return ExitReport(
            status: exit.code == CLD_EXITED
                ? .exited(exit.status)
                : .signaled(Signal(rawValue: exit.status), coreDumped: exit.code == CLD_DUMPED),
            usage: usage,
            standardOutput: captured.output,
            standardError: captured.error
        )
    }

    private func lost(_ error: Errno?, _ message: String) -> LaunchError {
        LaunchError(.statusLost, step: .wait, errno: error, message: message)
    }

    private func finish(_ outcome: JobEnd.Outcome) {
        if case .failure = outcome { _ = streams.finish() }
        end.settle(outcome)
    }
}
