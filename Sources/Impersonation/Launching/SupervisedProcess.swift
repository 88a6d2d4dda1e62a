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
        var end: Result<ExitReport, LaunchError>?
        var waiters: [CheckedContinuation<Result<ExitReport, LaunchError>, Never>] = []
        /// Whether what is left of the job is killed with the end of its first process.
        var endsTree = false
        var retryDelay: Duration = .milliseconds(1)
        var heldBackSince: ContinuousClock.Instant?
    }

    private static let longestRetryDelay: Duration = .seconds(1)

    /// How long a tracer may keep the end of a job to itself before the job counts as ended.
    private static let tracerPatience: Duration = .seconds(2)

    /// How long processes that were killed may take to go; some hang in the kernel.
    private static let remainderPatience: Duration = .seconds(10)
    private static let longestRemovalDelay: Duration = .seconds(30)

    /// Where all of `/proc` is looked at.
    private static let scanners = BlockingWorkers(name: "impersonation-tr", maximumThreads: 4)

    private let processID: Int32
    private let tree: ProcessTree
    private let processDescriptor: OwnedDescriptor
    private let streams: JobStreams
    private let reactor: Reactor
    private let started = ContinuousClock.now
    private let inheritedPeak = SupervisedProcess.ownPeakResidentBytes()
    private let state = Mutex(State())

    /// Takes a child over.
    ///
    /// - Parameters:
    ///   - child: The child.
    ///   - group: The cgroup of the job, if it has one; it is removed when the job has ended.
    ///   - streams: The daemon's ends of its standard streams.
    ///   - reactor: The thread that waits for it.
    init(_ child: StartedChild, in group: ControlGroup? = nil, streams: StreamPlumbing, on reactor: Reactor) {
        processID = child.processID
        tree = ProcessTree(leader: child.processID, group: group)
        processDescriptor = child.processDescriptor
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
            try reactor.wait(for: processDescriptor.rawValue, .reading) { [self] _ in reap() }
        } catch {
            reapLater()
        }
    }

    func exitReport() async throws(LaunchError) -> ExitReport {
        let result: Result<ExitReport, LaunchError> = await withCheckedContinuation { continuation in
            let end = state.withLock { state -> Result<ExitReport, LaunchError>? in
                if state.end == nil { state.waiters.append(continuation) }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
        return try result.get()
    }

    /// Ends a child that is not to run, and reaps it; in the background, when it takes longer than that.
    ///
    /// - Parameter limit: How long the caller waits at most.
    /// - Returns: Whether it is gone. A child that already has the account's ids cannot be killed without `CAP_KILL`.
    @discardableResult
    func discard(within limit: Duration) async -> Bool {
        kill()
        let ending = try? await reactor.ready(processDescriptor.rawValue, .reading, until: .now + limit)
        return conclude(isReadable: ending == .ready)
    }

    /// Ends a child that is not to run, and reaps it, on a thread that may block.
    ///
    /// - Parameter limit: How long the thread blocks at most; later, the child is reaped in the background.
    func discardBlocking(within limit: Duration) {
        kill()
        var event = pollfd(fd: processDescriptor.rawValue, events: Int16(POLLIN), revents: 0)
        let milliseconds = Int32(clamping: limit.components.seconds * 1_000)
        _ = conclude(isReadable: unsafe poll(&event, 1, milliseconds) > 0)
    }

    /// Kills the child and its cgroup or process group.
    ///
    /// - Returns: Whether the kernel has taken the signal for the child.
    @discardableResult
    func kill() -> Bool {
        try? send(.kill, to: tree.isSlow ? .group : .tree)
        do throws(Errno) {
            try send(.kill, to: .process)
            return true
        } catch {
            return false
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
        processDescriptor.withOpen { descriptor in
            if descriptor >= 0, launch_has_ended(descriptor) >= 0 { _ = launch_signal_group(processID, SIGKILL) }
        }
        reapNow()
        return state.withLock { $0.end != nil }
    }

    func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        endDescendantsAtEnd()
        let deadline = ContinuousClock.now + gracePeriod
        // Without a cgroup nobody finds what has left the session any more once the first process is gone.
        await signalTree(.terminate)
        let alarm = reactor.alarm(at: deadline) { [self] in kill() }
        defer { reactor.cancel(alarm) }
        // Whoever is stopped cannot end politely.
        await signalTree(.resume)
        return try await exitReport()
    }

    private func signalTree(_ signal: Signal) async {
        _ = await Self.scanners.performToTheEnd(deadline: nil) { [self] in try? send(signal, to: .tree) }
    }

    /// Nobody reaps the child while the descriptor is held, so its number, and that of the group it leads, mean nobody
    /// else; unless the host has the kernel reap its children, which `waitid(2)` tells.
    func send(_ signal: Signal, to target: SignalTarget) throws(Errno) {
        let result = processDescriptor.withOpen { descriptor -> Int32 in
            guard descriptor >= 0 else { return -ESRCH }
            if target == .process { return launch_signal(descriptor, signal.rawValue) }
            guard launch_has_ended(descriptor) >= 0 else { return -ESRCH }
            guard target == .tree else { return launch_signal_group(processID, signal.rawValue) }
            if signal == .kill {
                tree.kill()
                return launch_signal(descriptor, signal.rawValue)
            }
            return tree.signal(signal.rawValue) ? 0 : -ESRCH
        }
        guard result == 0 else { throw Errno(rawValue: -result) }
    }

    var reference: JobReference? {
        let child = StartedChild(processID: processID, processDescriptor: processDescriptor)
        return .of(child, controlGroup: tree.group?.path)
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
        guard state.withLock({ $0.endsTree }), tree.isSlow else { return reapNow() }
        Task.detached { [self] in
            guard case .failure = await Self.scanners.performToTheEnd(deadline: nil, { [self] in reapNow() }) else {
                return
            }
            reapNow()
        }
    }

    private func reapNow() {
        let endsTree = state.withLock { $0.endsTree }
        var exit = launch_exit()
        var outcome: Int32?
        processDescriptor.closeWhen { descriptor in
            if endsTree, launch_has_ended(descriptor) >= 0 { tree.kill() }
            let result = unsafe launch_reap(descriptor, &exit)
            // A host that ignores SIGCHLD, or waits for any child, has taken the status. Newer kernels still know it.
            let isStillKnown = unsafe result < 0 && launch_exit_of_reaped(descriptor, &exit) == 0
            outcome = isStillKnown ? 2 : result
            return result != 0
        }
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
    private func settle(_ end: Result<ExitReport, LaunchError>) {
        guard state.withLock({ $0.endsTree }), tree.hasRemainder else {
            var end = end
            if case .success(var report) = end {
                report.treePeaks = tree.peaks
                end = .success(report)
            }
            finish(end)
            return removeGroup()
        }
        settleLater(end, .milliseconds(1), until: .now + Self.remainderPatience)
    }

    private func settleLater(
        _ end: Result<ExitReport, LaunchError>,
        _ delay: Duration,
        until deadline: ContinuousClock.Instant
    ) {
        tree.group?.kill()
        _ = reactor.alarm(at: .now + delay) { [self] in
            guard tree.hasRemainder, ContinuousClock.now < deadline else {
                var end = end
                if case .success(var report) = end {
                    report.treePeaks = tree.peaks
                    report.remainingProcesses = tree.remainder
                    end = .success(report)
                }
                finish(end)
                return removeGroup()
            }
            settleLater(end, min(delay * 2, Self.longestRetryDelay), until: deadline)
        }
    }

    /// Removes the cgroup, as soon as the last process has left it.
    private func removeGroup() {
        if let removal = tree.group?.removal { Self.remove(removal, .milliseconds(1), on: reactor) }
    }

    /// Tries until it is done; what waits holds nothing of the job meanwhile, which may be for months.
    private static func remove(_ removal: ControlGroupRemoval, _ delay: Duration, on reactor: Reactor) {
        guard !removal.perform() else { return }
        _ = reactor.alarm(at: .now + delay) { remove(removal, min(delay * 2, longestRemovalDelay), on: reactor) }
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
        _ = reactor.alarm(at: .now + delay) { [self] in reap() }
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

    /// The first end counts.
    private func finish(_ end: Result<ExitReport, LaunchError>) {
        if case .failure = end { _ = streams.finish() }
        let waiters = state.withLock { state in
            if state.end == nil { state.end = end }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: end) }
    }
}
