import CLaunchPlan
import Glibc
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

    private var failures: LaunchFailureReporter { LaunchFailureReporter(identity: identity, backend: backend) }

    /// How long a child that was killed may take to go before the launch reports its failure without it.
    private static let reapingTime: Duration = .seconds(1)

    /// A pipe holds this much without being asked.
    private static let pipeCapacity = 64 * 1_024

    /// Launches.
    ///
    /// - Parameters:
    ///   - trampoline: The image to run.
    ///   - reactor: The thread to wait on.
    ///   - operations: The operations of the trampoline, given the pure plan.
    /// - Returns: The confirmed process.
    /// - Throws: ``LaunchError``; nothing of the job has run then and nothing is left behind.
    func run(
        trampoline: Trampoline,
        on reactor: Reactor,
        operations: (ChildPlan, ChildPlan.Credentials) -> [ChildOperation]
    ) async throws(LaunchError) -> LaunchedProcess {
        let begin = ContinuousClock.now
        let prepared = try failures.reporting { () throws(LaunchError) in try PreparedLaunch(command, as: identity) }
        let streams = try failures.performing(.createPipes) { () throws(Errno) in try StreamPlumbing(command) }
        let steps = operations(prepared.plan(with: streams), prepared.credentials)
        let plan = try failures.reporting { () throws(LaunchError) in try EncodedPlan(steps, kind: kind) }

        let (child, status) = try await start(prepared, plan, streams, trampoline, reactor)
        let process = SupervisedProcess(child.processDescriptor, streams: streams, on: reactor)
        process.startReading()

        let outcome: Reactor.Outcome
        do throws(Errno) {
            outcome = try await reactor.ready(
                status.rawValue,
                .hangup,
                until: begin + command.startDeadline,
                onCancel: { try? process.send(.kill) }
            )
        } catch {
            await process.discard(within: Self.reapingTime)
            throw failures.failure(
                .stepFailed,
                .confirm,
                error,
                "the confirmation of the start could not be waited for"
            )
        }
        guard !Task.isCancelled else {
            await process.discard(within: Self.reapingTime)
            throw failures.failure(.cancelled, .confirm, nil, "the task was cancelled before the program ran")
        }
        guard outcome == .ready else {
            await process.discard(within: Self.reapingTime)
            throw failures.deadlineExceeded(command.startDeadline)
        }
        switch Self.messages(from: status).last {
        case .some(let message) where message.kind == LAUNCH_MESSAGE_PREPARED.rawValue:
            do throws(Errno) {
                try process.startWaiting()
            } catch {
                await process.discard(within: Self.reapingTime)
                throw failures.failure(.stepFailed, .wait, error, "the end of the job could not be waited for")
            }
            return LaunchedProcess(
                identity: identity,
                report: LaunchReport(
                    backend: backend,
                    processID: child.processID,
                    workingDirectory: prepared.workingDirectory(fellBack: message.fell_back != 0),
                    omittedVariables: prepared.environment.omitted,
                    startTime: ContinuousClock.now - begin
                ),
                control: process
            )
        case .some(let message):
            await process.discard(within: Self.reapingTime)
            let failed = launch_failure(step: message.step, error: message.error, operation: message.operation)
            throw failures.failure(of: failed, in: steps)
        case nil:
            await process.discard(within: Self.reapingTime)
            throw failures.endedBeforeStart()
        }
    }

    /// Clones the child and closes the daemon's copies of its ends.
    private func start(
        _ prepared: PreparedLaunch,
        _ plan: EncodedPlan,
        _ streams: StreamPlumbing,
        _ trampoline: Trampoline,
        _ reactor: Reactor
    ) async throws(LaunchError) -> (StartedChild, OwnedDescriptor) {
        let status = try failures.performing(.createPipes) { () throws(Errno) in try OwnedDescriptor.pipe() }
        let planPipe = try failures.performing(.createPipes) { () throws(Errno) in try Self.pipe(holding: plan) }
        let highest = max(status.writing.rawValue, planPipe.rawValue, trampoline.descriptor)
        var bootstrap = streams.placement(keeping: highest)
        bootstrap += [
            .placeDescriptor(status.writing.rawValue, at: LAUNCH_STATUS_DESCRIPTOR),
            .placeDescriptor(planPipe.rawValue, at: LAUNCH_PLAN_DESCRIPTOR),
            .sealDescriptors(from: LAUNCH_PLAN_DESCRIPTOR + 1),
        ]
        if kind == .isolated, geteuid() != 0 {
            bootstrap.append(.keepCapabilities(DaemonFacts.capabilitiesOfTheSwitch))
        }
        bootstrap += [
            .executeTrampoline(trampoline.descriptor)
        ]
        let encoded = try EncodedPlan(bootstrap, kind: .bootstrap)

        let arguments = ArgumentVector(prepared.arguments)
        let environment = ArgumentVector(prepared.environment.variables)
        var result = launch_spawn_result()
        let started = try failures.performing(.clone) { () throws(Errno) in
            try unsafe ChildStarter.start(encoded, arguments: arguments, environment: environment, result: &result)
        }
        status.writing.closeNow()
        planPipe.closeNow()
        for end in streams.childEnds { end.closeNow() }

        if let failed = started.failure {
            await SupervisedProcess(started.child.processDescriptor, streams: streams, on: reactor)
                .discard(within: Self.reapingTime)
            throw failures.failure(of: failed, in: bootstrap)
        }
        return (started.child, status.reading)
    }

    /// A pipe that holds a whole plan, its writing end closed: the trampoline reads to the end and needs nobody to
    /// write.
    ///
    /// A pipe, because a file would be subject to the daemon's own limit of file sizes.
    private static func pipe(holding plan: EncodedPlan) throws(Errno) -> OwnedDescriptor {
        let (reading, writing) = try OwnedDescriptor.pipe()
        if plan.bytes.count > pipeCapacity {
            let capacity = linux_pipe_capacity(writing.rawValue, Int32(plan.bytes.count))
            guard capacity >= 0 else { throw Errno(rawValue: -capacity) }
        }
        let written = unsafe plan.bytes.withUnsafeBytes { buffer in
            unsafe write(writing.rawValue, buffer.baseAddress, buffer.count)
        }
        guard written == plan.bytes.count else { throw written < 0 ? Errno(rawValue: errno) : .ioError }
        writing.closeNow()
        return reading
    }

    /// Everything the trampoline has said; the pipe is at its end.
    private static func messages(from status: OwnedDescriptor) -> [launch_message] {
        var messages: [launch_message] = []
        while true {
            var message = launch_message()
            let count = unsafe read(status.rawValue, &message, MemoryLayout<launch_message>.size)
            if count < 0, errno == EINTR { continue }
            guard count == MemoryLayout<launch_message>.size else { return messages }
            messages.append(message)
        }
    }
}
