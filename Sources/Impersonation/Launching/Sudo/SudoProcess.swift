import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// A job that `sudo` has switched: its end is told by `sudo`, which is this process's child, and it is signalled by whatever way
/// leads to it.
final class SudoProcess: ProcessControl {
    private static let remainderPatience = Duration.seconds(10)

    /// An account can hold up what is done to its jobs, so each has a few threads of its own.
    private static let threads = PatientCloser()

    private let sudo: SupervisedProcess
    private let reach: SudoReach
    private let messages: SudoMessages
    private let reactor: Reactor
    private let kernelsWord: KernelsWord.Source
    private let isBelieved: @Sendable () async -> Bool
    private let end = JobEnd()
    private let request = TerminationRequest()
    private let endsTree = Mutex(false)

    init(
        _ sudo: SupervisedProcess,
        _ reach: SudoReach,
        _ messages: SudoMessages,
        on reactor: Reactor,
        asking kernelsWord: @escaping KernelsWord.Source,
        believing isBelieved: @escaping @Sendable () async -> Bool
    ) {
        self.sudo = sudo
        self.reach = reach
        self.messages = messages
        self.reactor = reactor
        self.kernelsWord = kernelsWord
        self.isBelieved = isBelieved
    }

    /// Begins to wait for the end.
    ///
    /// - Parameter endsDescendants: Whether what is left of the job is killed with the end of its first process.
    func start(endingDescendants endsDescendants: Bool) {
        if endsDescendants { endDescendants() }
        sudo.startWaiting()
        let resumption = Task.detached { [self] in await resumeAtEnd() }
        Task.detached { [self] in
            var outcome = await Result { () async throws(LaunchError) in try await sudo.exitReport() }
            messages.close()
            Task.detached { [self] in await reapOrphans(after: resumption) }
            let loss = SudoLoss(of: reach, on: reactor, asking: kernelsWord, believing: isBelieved) { [self] in
                await endRest()
            }
            outcome = await loss.judge(outcome)
            if endsTree.withLock({ $0 }), reach.group == nil, case .success(var report) = outcome {
                report.remainingProcesses = await endLeftovers()
                outcome = .success(report)
            }
            end.settle(outcome)
        }
    }

    /// Has a `sudo` that is stopped go on once the job has ended, or it would never tell that.
    ///
    /// Any process of the account can stop a job and let it go on. More than once, because `sudo` may be about to stop itself.
    private func resumeAtEnd() async {
        _ = try? await reactor.ready(reach.job.processDescriptor.rawValue, .reading, until: nil)
        var delay = Duration.milliseconds(1)
        while reach.sudo.isRunning {
            if !reach.job.isRunning { reach.resumeHelpers() }
            await reactor.pause(delay)
            delay = min(delay * 2, .seconds(1))
        }
    }

    /// Waits for what `sudo` has left to this process.
    ///
    /// - Parameter resumption: What waits for the end of the job: a reactor takes a descriptor once.
    private func reapOrphans(after resumption: Task<Void, Never>) async {
        await SudoOrphans.reap(reach.between, on: reactor)
        // One that nobody could end was told as lost, and ends later. Who judges takes the status first.
        _ = try? await end.value()
        await resumption.value
        await SudoOrphans.reap([reach.job], on: reactor)
    }

    private func endDescendants() {
        endsTree.withLock { $0 = true }
        if reach.group != nil { sudo.endDescendantsAtEnd() }
    }

    /// Kills what was left behind in the session, and waits until it has gone.
    private func endLeftovers() async -> Int {
        let deadline = ContinuousClock.now + Self.remainderPatience
        var delay = Duration.milliseconds(1)
        while true {
            let (remaining, isReached) = await perform { $0.endLeftovers() }
            guard remaining > 0, isReached, ContinuousClock.now < deadline else { return remaining }
            await reactor.pause(delay)
            delay = min(delay * 2, .milliseconds(200))
        }
    }

    /// Kills what there is of a job that nobody waits for.
    ///
    /// - Returns: How many processes are left.
    private func endRest() async -> Int {
        reach.group == nil ? await endLeftovers() : await endGroup()
    }

    func exitReport() async throws(LaunchError) -> ExitReport {
        try await end.value()
    }

    var hasEnded: Bool { end.isKnown }

    var isRunning: Bool { !end.isKnown && (reach.job.isRunning || reach.hasShell) }

    func send(_ signal: Signal, to target: SignalTarget) throws(Errno) {
        guard (1...64).contains(signal.rawValue) else { throw .invalidArgument }
        guard !end.isKnown || target == .tree else { throw .noSuchProcess }
        let result =
            switch target {
            case .process: reach.signalProcess(signal.rawValue)
            case .group: reach.signalGroup(signal.rawValue)
            case .tree: reach.signalTree(signal.rawValue)
            }
        guard result == 0 else { throw Errno(rawValue: -result) }
    }

    /// Ends a job that is not to run.
    func discard() async {
        start(endingDescendants: true)
        _ = try? await terminate(gracePeriod: .zero)
    }

    func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        let hasEnded = end.isKnown
        endDescendants()
        let deadline = ContinuousClock.now + max(.zero, gracePeriod)
        let alarm = reactor.alarm(at: deadline) { [self] in
            Task.detached { [self] in await signalTree(.kill) }
        }
        await request.make(until: deadline) { [self] in await signalTree(.terminate) }
        // Whoever is stopped cannot end politely.
        await signalTree(.resume)
        let outcome = await Result { () async throws(LaunchError) in
            let patience = max(deadline, .now) + Self.remainderPatience
            return try await end.value(askingAt: patience, on: reactor) { [self] in hanging }
        }
        reactor.cancel(alarm)
        var remaining = 0
        if reach.group != nil {
            remaining = await endGroup()
        } else if hasEnded {
            remaining = await endLeftovers()
        }
        var report = try outcome.get()
        report.remainingProcesses = max(report.remainingProcesses, remaining)
        return report
    }

    /// Signals all of the job.
    ///
    /// - Returns: Whether somebody got the signal.
    @discardableResult
    private func signalTree(_ signal: Signal) async -> Bool {
        await perform { $0.signalTree(signal.rawValue) } == 0
    }

    /// Does what may block, on a thread of the account's.
    private func perform<Value: Sendable>(_ body: @escaping @Sendable (SudoReach) -> Value) async -> Value {
        let outcome = OneShot<Value>()
        Self.threads.perform(for: reach.userID) { [reach] in outcome.settle(body(reach)) }
        return await outcome.value()
    }

    private func endGroup() async -> Int {
        guard let group = reach.group else { return 0 }
        let deadline = ContinuousClock.now + Self.remainderPatience
        var delay = Duration.milliseconds(1)
        while group.isPopulated, ContinuousClock.now < deadline {
            group.kill()
            await reactor.pause(delay)
            delay = min(delay * 2, .milliseconds(100))
        }
        return group.remainder
    }

    /// What is told to those who end a job that does not end; it is waited for all the same.
    private var hanging: LaunchError? {
        guard reach.job.isRunning || reach.sudo.isRunning else { return nil }
        return LaunchError(
            .stillRunning,
            step: .wait,
            backend: .sudo,
            message: "process \(reach.job.processID) was to be killed and has not ended: it stands in the kernel "
                + "(/proc/\(reach.job.processID)/stack tells where), or the daemon may not signal it; give jobs a cgroup "
                + "(ControlGroups), or permit the launcher's signals in the rule (impersonate sudoers prints it)"
        )
    }

    func takeStandardInput() -> FileDescriptor? { sudo.takeStandardInput() }

    func takeStandardOutput() -> FileDescriptor? { sudo.takeStandardOutput() }

    func takeStandardError() -> FileDescriptor? { sudo.takeStandardError() }

    var standardInput: ProcessInput? { sudo.standardInput }

    var standardOutput: ProcessOutput? { sudo.standardOutput }

    var standardError: ProcessOutput? { sudo.standardError }

    var terminal: PseudoTerminal? { sudo.terminal }
}
