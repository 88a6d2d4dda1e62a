import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

/// One launch in direct mode: the clone child itself switches and becomes the job.
///
/// It shares the memory of the daemon until its exec, so three guards stand before it: it is refused where
/// `fs.suid_dumpable` would let the account read that memory, where the kernel would not empty the capabilities with the
/// user id, and where nobody could look at the child afterwards. A watchdog ends a child that does not exec in time, and
/// the switch is proven from outside before the launch is confirmed.
struct DirectLaunch {
    let command: Command
    let identity: ExecutionIdentity
    let backend: LaunchBackend

    /// What it takes of the threads, until that has come back from the clone.
    let place: DirectPlaces.Place

    /// How long the end of a killed child is waited for; it may hang in the kernel for longer.
    private static let reapingTime: Duration = .seconds(1)

    /// How soon the watchdog looks again for a child that was not there yet.
    private static let watchdogInterval: Duration = .milliseconds(10)

    /// Threads that stand still with a clone: as many launches as can hang at the same time before others wait.
    private static let workers = BlockingWorkers(name: "impersonation-cl", maximumThreads: 16)

    /// A quarter of the threads for one account, and some that none has.
    private static let places = DirectPlaces(12, forEachAccount: 4)

    /// Whether so many clones hang past their deadlines that the threads are better kept for the others.
    ///
    /// Not even a kill ends a child that waits for the answer of a FUSE server (`fs/fuse/dev.c`, a request that has
    /// reached user space) or of a hard NFS mount, and its thread is lost as long.
    static var isCrowded: Bool { workers.threads.stuck >= 4 }

    /// Takes a place for a launch.
    ///
    /// - Parameter userID: The account of the job.
    /// - Returns: The place; `nil` where others would have to wait for this launch, or it for others.
    static func place(for userID: UserID) -> DirectPlaces.Place? {
        isCrowded ? nil : places.take(for: userID.rawValue)
    }

    /// Launches.
    ///
    /// - Parameters:
    ///   - reactor: The thread to wait on.
    ///   - daemon: What the daemon has that the job must not get.
    /// - Returns: The confirmed process.
    /// - Throws: ``LaunchError``; ``ProcessLauncher`` says what is left then.
    func run(on reactor: Reactor, from daemon: DaemonFacts) async throws(LaunchError) -> LaunchedProcess {
        var stopwatch = LaunchStopwatch()
        try refuseWhereUnsafe(daemon)
        let failures = LaunchFailureReporter(identity: identity, backend: backend)
        guard !Task.isCancelled else { throw failures.cancelled() }
        let prepared = try failures.reporting { () throws(LaunchError) in try PreparedLaunch(command, as: identity) }
        _ = try failures.reporting { () throws(LaunchError) in try prepared.makeGroup(in: nil) }
        let streams = try failures.performing(.createPipes) { () throws(Errno) in
            try StreamPlumbing(command, of: identity.account.userID.rawValue)
        }
        let steps = prepared.plan(with: streams)
            .direct(as: prepared.credentials, from: daemon, descriptors: streams.directPlacement())
        let plan = try failures.encoding(steps, kind: .direct)

        stopwatch.end(\.preparation)
        let deadline = stopwatch.begin + command.startDeadline.reasonable
        let outcome = try await attempt(prepared, plan, streams, on: reactor, until: deadline)
        stopwatch.end(\.clone)
        let process = SupervisedProcess(
            outcome.child,
            of: prepared.credentials.userID,
            streams: streams,
            on: reactor
        )
        if let failed = outcome.failure {
            await process.discard(within: Self.reapingTime)
            throw failures.failure(of: failed, in: steps)
        }
        try await prove(outcome.child, process, prepared, daemon)
        process.startReading()
        if command.descendants == .end { process.endDescendantsAtEnd() }
        process.startWaiting()
        return LaunchedProcess(
            identity: identity,
            report: LaunchReport(
                backend: backend,
                processID: ProcessID(rawValue: outcome.child.processID),
                workingDirectory: prepared.workingDirectory(fellBack: outcome.fellBack),
                omittedVariables: prepared.environment.omitted,
                timings: stopwatch.confirmed(),
                attestation: command.noNewPrivileges ? .procfs : .none(.jobMayGainPrivileges)
            ),
            control: process
        )
    }

    private func attempt(
        _ prepared: PreparedLaunch,
        _ plan: EncodedPlan,
        _ streams: StreamPlumbing,
        on reactor: Reactor,
        until deadline: ContinuousClock.Instant
    ) async throws(LaunchError) -> DirectAttempt.Outcome {
        let failures = LaunchFailureReporter(identity: identity, backend: backend)
        let attempt = DirectAttempt()
        let watchdog = reactor.alarm(at: deadline) { Self.end(attempt, .deadline, on: reactor) }
        defer { reactor.cancel(watchdog) }

        let arguments = prepared.arguments
        let environment = prepared.environment.variables
        let userID = prepared.credentials.userID
        let patience = deadline - ContinuousClock.now + Self.reapingTime
        let place = place
        // The waiting does not end with a cancellation, but with the child that the cancellation kills.
        let finished = await withTaskCancellationHandler {
            await Self.workers.performToTheEnd(deadline: patience) {
                // Also as long as an abandoned child is waited for here.
                defer { withExtendedLifetime(place) {} }
                let abandoned = attempt.run(plan, arguments: arguments, environment: environment)
                streams.closeChildEnds()
                guard let abandoned else { return }
                SupervisedProcess(abandoned, of: userID, streams: streams, on: reactor)
                    .discardBlocking(within: Self.reapingTime)
            }
        } onCancel: {
            Self.end(attempt, .cancellation, on: reactor)
        }
        if case .failure(.saturated) = finished {
            throw failures.failure(
                .stepFailed,
                .clone,
                .resourceTemporarilyUnavailable,
                "every thread for direct launches stands still with a file system that hangs; use the isolated mode"
            )
        }
        if case .failure = finished { Self.end(attempt, .deadline, on: reactor) }

        // What the streams need of the daemon is closed by the thread that clones: until then the child may share it.
        guard let taken = attempt.take() else {
            throw attempt.reason == .cancellation
                ? failures.cancelled() : failures.deadlineExceeded(command.startDeadline)
        }
        return try failures.performing(.clone) { () throws(Errno) in try taken.get() }
    }

    /// Ends an attempt, again and again until its child was there to be killed or it is over.
    private static func end(_ attempt: DirectAttempt, _ reason: DirectAttempt.Reason, on reactor: Reactor) {
        guard attempt.end(reason) else { return }
        _ = reactor.alarm(at: ContinuousClock.now + watchdogInterval) { end(attempt, reason, on: reactor) }
    }

    private func prove(
        _ child: StartedChild,
        _ process: SupervisedProcess,
        _ prepared: PreparedLaunch,
        _ daemon: DaemonFacts
    ) async throws(LaunchError) {
        let failures = LaunchFailureReporter(identity: identity, backend: backend)
        let proof = OutsideProof(
            credentials: prepared.credentials,
            emptyBoundingSet: command.capabilityBoundingSet == .empty && daemon.mayEmptyBoundingSet
        )
        let verdict = Result { () throws(Errno) -> LaunchError? in
            guard try OutsideProof.hasExecuted(afterCloneOf: child.processID) else {
                return failures.endedBeforeStart()
            }
            // A job that may gain privileges can be somebody else by now, sudo for example; the child itself has proven
            // what it was.
            guard command.noNewPrivileges else { return nil }
            guard let difference = try proof.difference(of: child.processID) else { return nil }
            return failures.differs(difference)
        }
        let failed: LaunchError
        switch verdict {
        case .success(nil): return
        case .success(.some(let error)): failed = error
        case .failure(let error):
            failed = failures.failure(
                .verificationFailed,
                .verifyOutside,
                error,
                "the process was ended because /proc does not say what it has become; mount /proc for the daemon"
            )
        }
        await process.discard(within: Self.reapingTime)
        throw failed
    }

    private func refuseWhereUnsafe(_ daemon: DaemonFacts) throws(LaunchError) {
        let failures = LaunchFailureReporter(identity: identity, backend: backend)
        func refusal(_ message: String) -> LaunchError { failures.failure(.notPermitted, .prepare, nil, message) }

        let dumpable = try? ProcFile.read("/proc/sys/fs/suid_dumpable")
        guard dumpable?.first == "0" else {
            throw refusal(
                "direct mode is refused where fs.suid_dumpable is not 0: with 1 the account could read the daemon's memory, "
                    + "with 2 make the kernel write it into a core file; set it to 0, or use the isolated mode"
            )
        }
        guard daemon.userID == 0, getuid() == 0, launch_has_default_securebits() != 0 else {
            throw refusal(
                "direct mode needs a daemon with user id 0 and the kernel's own securebits, because the kernel empties the "
                    + "capabilities only then; use the isolated mode"
            )
        }
        guard launch_ignores_child_signal() == 0 else {
            throw refusal(
                "direct mode needs the default disposition of SIGCHLD: a job that ends at once could not be looked at any "
                    + "more; restore it, or use the isolated mode"
            )
        }
    }
}
