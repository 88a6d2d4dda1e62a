import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// One launch through the trampoline: from the prepared command to the confirmed process.
///
/// The clone child shares the daemon's memory only for a few system calls, with the daemon's own identity; the trampoline
/// then does everything else in an address space of its own. Its status pipe tells the end: the pipe closes with the
/// exec of the job, after a message that everything was proven.
struct TrampolineLaunch {
    let command: Command
    let identity: ExecutionIdentity
    let backend: LaunchBackend
    let kind: EncodedPlan.Kind
    var controlGroups: ControlGroups?
    var attestation = AttestationPolicy.whenTheKernelOffersIt

    private var failures: LaunchFailureReporter { LaunchFailureReporter(identity: identity, backend: backend) }

    /// How long a child that was killed may take to go before the launch reports its failure without it.
    private static let reapingTime: Duration = .seconds(1)

    /// Launches.
    ///
    /// - Parameters:
    ///   - trampoline: The image to run.
    ///   - reactor: The thread to wait on.
    ///   - operations: The operations of the trampoline, given the pure plan.
    /// - Returns: The confirmed process.
    /// - Throws: ``LaunchError``; ``ProcessLauncher`` says what is left then.
    func run(
        trampoline: Trampoline,
        on reactor: Reactor,
        operations: (ChildPlan, ChildPlan.Credentials) -> [ChildOperation]
    ) async throws(LaunchError) -> LaunchedProcess {
        guard !Task.isCancelled else { throw failures.cancelled() }
        var stopwatch = LaunchStopwatch()
        let prepared = try failures.reporting { () throws(LaunchError) in try PreparedLaunch(command, as: identity) }
        let streams = try failures.performing(.createPipes) { () throws(Errno) in
            try StreamPlumbing(command, of: identity.account.userID.rawValue)
        }
        var pure = prepared.plan(with: streams)
        if command.daemonEnd == .end { pure.parent = ChildPlan.Parent(processID: getpid(), endSignal: SIGKILL) }
        let steps = operations(pure, prepared.credentials)
        let plan = try failures.encoding(steps, kind: kind)

        let group = try failures.reporting { () throws(LaunchError) in try prepared.makeGroup(in: controlGroups) }
        stopwatch.end(\.preparation)
        let started = try await start(prepared, plan, streams, trampoline, group, reactor)
        stopwatch.end(\.clone)
        let process = SupervisedProcess(
            started.child,
            in: group,
            of: prepared.credentials.userID,
            streams: streams,
            on: reactor
        )
        process.startReading()

        // A child past its point of no return that is not the job yet stands in the exec. It is killed there.
        let isKilledInExec = Mutex(false)
        let waited: Reactor.Ending
        do throws(Errno) {
            waited = try await reactor.ready(
                started.status.rawValue,
                .hangup,
                until: stopwatch.begin + command.startDeadline.reasonable,
                whenCancelled: {
                    guard !started.token.withdraw() else { return true }
                    if !started.hasReported { isKilledInExec.withLock { $0 = process.kill() } }
                    return false
                }
            )
        } catch {
            _ = started.token.withdraw()
            await process.discard(within: Self.reapingTime)
            throw failures.failure(
                .stepFailed,
                .confirm,
                error,
                "the confirmation of the start could not be waited for"
            )
        }
        switch waited {
        case .ready: break
        case .cancelled:
            await process.discard(within: Self.reapingTime)
            throw failures.cancelled()
        case .deadlineExceeded:
            let isWithdrawn = started.token.withdraw()
            if !isWithdrawn, started.hasReported { break }
            let isGone = await process.discard(within: Self.reapingTime)
            throw failures.deadlineExceeded(command.startDeadline, isGone: isGone, isWithdrawn: isWithdrawn)
        }
        guard !isKilledInExec.withLock({ $0 }) else {
            await process.discard(within: Self.reapingTime)
            throw failures.cancelled()
        }
        switch started.ending() {
        case .running(let fellBack):
            let attestation = try await attest(started.child, process, prepared, group)
            if command.descendants == .end { process.endDescendantsAtEnd() }
            process.startWaiting()
            return LaunchedProcess(
                identity: identity,
                report: LaunchReport(
                    backend: backend,
                    processID: ProcessID(rawValue: started.child.processID),
                    workingDirectory: prepared.workingDirectory(fellBack: fellBack),
                    omittedVariables: prepared.environment.omitted,
                    timings: stopwatch.confirmed(),
                    containment: group.map { Containment($0, of: prepared.credentials.userID) } ?? .session,
                    attestation: attestation
                ),
                control: process
            )
        case .failed(let reported):
            await process.discard(within: Self.reapingTime)
            throw LaunchStep(rawValue: reported.step) == .commit && Task.isCancelled
                ? failures.cancelled() : failures.failure(of: reported, in: steps)
        case .silent:
            await process.discard(within: Self.reapingTime)
            throw Task.isCancelled ? failures.cancelled() : failures.endedBeforeStart()
        }
    }

    /// Looks at the job from outside, and ends it when it is not what it was to become.
    ///
    /// A job of the daemon's own account may have groups that no lookup tells, and may leave a cgroup that belongs to it.
    private func attest(
        _ child: StartedChild,
        _ process: SupervisedProcess,
        _ prepared: PreparedLaunch,
        _ group: ControlGroup?
    ) async throws(LaunchError) -> Attestation {
        guard command.noNewPrivileges else { return .none(.jobMayGainPrivileges) }
        var credentials = prepared.credentials
        if kind == .keepAccount { credentials.groupID = getegid() }
        let attestor = Attestor(
            credentials: credentials,
            comparesGroups: kind != .keepAccount,
            group: kind == .keepAccount ? nil : group.map { ExpectedGroup($0) }
        )
        switch attestor.look(at: child, attestation) {
        case .agreement(let attestation): return attestation
        case .difference(let difference):
            await process.discard(within: Self.reapingTime)
            throw failures.differs(difference)
        }
    }

    /// Clones on a thread that lasts as long as the daemon.
    ///
    /// The death signal of a parent (`PR_SET_PDEATHSIG`) comes with the end of the *thread* that has cloned, and threads of
    /// the pool come and go.
    private static func onLastingThread(
        _ clone: @escaping @Sendable () -> Result<TrampolineStart, TrampolineStart.Failure>
    ) async -> Result<TrampolineStart, TrampolineStart.Failure> {
        switch await ParentThread.workers.performToTheEnd(deadline: nil, clone) {
        case .success(let result): result
        case .failure:
            .failure(TrampolineStart.Failure(step: LAUNCH_STEP_CLONE, errno: .resourceTemporarilyUnavailable))
        }
    }

    /// Clones the child and closes the daemon's copies of its ends.
    private func start(
        _ prepared: PreparedLaunch,
        _ plan: EncodedPlan,
        _ streams: StreamPlumbing,
        _ trampoline: Trampoline,
        _ group: ControlGroup?,
        _ reactor: Reactor
    ) async throws(LaunchError) -> TrampolineStart {
        let clone = { @Sendable in
            Result { () throws(TrampolineStart.Failure) in
                try TrampolineStart(
                    trampoline,
                    plan,
                    extraDescriptors: streams.extraEnds.map(\.rawValue),
                    placement: { streams.placement(keeping: $0) },
                    arguments: ArgumentVector(prepared.arguments),
                    environment: ArgumentVector(prepared.environment.variables),
                    into: group
                )
            }
        }
        let started: TrampolineStart
        do throws(TrampolineStart.Failure) {
            started = try await (command.daemonEnd == .end ? Self.onLastingThread(clone) : clone()).get()
        } catch {
            group?.remove()
            throw failures.failure(
                .stepFailed,
                LaunchStep(error.step),
                error.errno,
                StepFailureText.describeInDaemon(error.errno)
            )
        }
        streams.closeChildEnds()
        if let (reported, operations) = started.failure {
            await SupervisedProcess(
                started.child,
                in: group,
                of: prepared.credentials.userID,
                streams: streams,
                on: reactor
            )
            .discard(within: Self.reapingTime)
            throw failures.failure(of: reported, in: operations)
        }
        return started
    }
}
