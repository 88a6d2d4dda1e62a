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
        let prepared = try blaming(account: identity.account.name) { () throws(LaunchError) in
            try PreparedLaunch(command, as: identity)
        }
        let streams = try perform(.createPipes) { () throws(Errno) in try StreamPlumbing(command) }
        let steps = operations(prepared.plan(openingStreams: streams.files), prepared.credentials)
        let plan = try EncodedPlan(steps, kind: kind)

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
            await discard(process)
            throw failure(.stepFailed, .confirm, error, "the confirmation of the start could not be waited for")
        }
        guard !Task.isCancelled else {
            await discard(process)
            throw failure(.cancelled, .confirm, nil, "the task was cancelled before the program ran")
        }
        guard outcome == .ready else {
            await discard(process)
            throw failure(
                .deadlineExceeded,
                .confirm,
                nil,
                "the program did not run within \(command.startDeadline); look at the file systems of the program and of "
                    + "the working directory, or for processes of the account that stop others"
            )
        }
        switch Self.messages(from: status).last {
        case .some(let message) where message.kind == LAUNCH_MESSAGE_PREPARED.rawValue:
            do throws(Errno) {
                try process.startWaiting()
            } catch {
                await discard(process)
                throw failure(.stepFailed, .wait, error, "the end of the job could not be waited for")
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
            await discard(process)
            throw childFailure(step: message.step, error: message.error, operation: message.operation, of: steps)
        case nil:
            await discard(process)
            throw failure(
                .endedBeforeStart,
                .confirm,
                nil,
                "the child was ended before the program ran; look for processes of the account that kill others, or for "
                    + "the out-of-memory killer"
            )
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
        let status = try perform(.createPipes) { () throws(Errno) in try OwnedDescriptor.pipe() }
        let planPipe = try perform(.createPipes) { () throws(Errno) in try Self.pipe(holding: plan) }
        let sources = streams.childEnds.map(\.rawValue)
        let highest = max(sources.max() ?? 0, status.writing.rawValue, planPipe.rawValue, trampoline.descriptor)

        var bootstrap: [ChildOperation] = [.unshareDescriptors(from: highest + 1)]
        for (target, source) in sources.enumerated() {
            bootstrap.append(.placeDescriptor(source, at: Int32(target)))
        }
        bootstrap += [
            .placeDescriptor(status.writing.rawValue, at: LAUNCH_STATUS_DESCRIPTOR),
            .placeDescriptor(planPipe.rawValue, at: LAUNCH_PLAN_DESCRIPTOR),
            .sealDescriptors(from: LAUNCH_PLAN_DESCRIPTOR + 1),
            .executeTrampoline(trampoline.descriptor),
        ]
        let encoded = try EncodedPlan(bootstrap, kind: .bootstrap)

        let arguments = ArgumentVector(prepared.arguments)
        let environment = ArgumentVector(prepared.environment.variables)
        var result = launch_spawn_result()
        let started = try perform(.clone) { () throws(Errno) in
            try unsafe ChildStarter.start(encoded, arguments: arguments, environment: environment, result: &result)
        }
        status.writing.closeNow()
        planPipe.closeNow()
        for end in streams.childEnds { end.closeNow() }

        if let failed = started.failure {
            await discard(SupervisedProcess(started.child.processDescriptor, streams: streams, on: reactor))
            throw childFailure(step: failed.step, error: failed.error, operation: failed.operation, of: bootstrap)
        }
        return (started.child, status.reading)
    }

    /// Ends a child that is not to run and waits until it is gone.
    private func discard(_ process: SupervisedProcess) async {
        try? process.send(.kill)
        await process.waitForEnd(atMost: Self.reapingTime)
    }

    /// A pipe that holds a whole plan, its writing end closed: the trampoline reads to the end and needs nobody to
    /// write. A pipe, because a file would be subject to the daemon's own limit of file sizes.
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

    private func childFailure(
        step: UInt32,
        error: Int32,
        operation: UInt32,
        of steps: [ChildOperation]
    ) -> LaunchError {
        let step = LaunchStep(rawValue: step)
        let errno = Errno(rawValue: error)
        let failed = Int(operation) < steps.count ? steps[Int(operation)] : nil
        let isVerification = (LaunchStep.verifyUserID.rawValue...LaunchStep.verifyNoNewPrivileges.rawValue)
            .contains(step.rawValue)
        let code: LaunchError.Code =
            isVerification ? .verificationFailed : step == .execute ? .executableNotStarted : .stepFailed
        return failure(
            code,
            step,
            errno,
            LaunchFailureText.describe(failed?.step == step ? failed : nil, step: step, errno: errno)
        )
    }

    private func failure(_ code: LaunchError.Code, _ step: LaunchStep, _ errno: Errno?, _ message: String) -> LaunchError {
        LaunchError(code, step: step, errno: errno, account: identity.account.name, backend: backend, message: message)
    }

    private func blaming<R>(account: AccountName, _ body: () throws(LaunchError) -> R) throws(LaunchError) -> R {
        do {
            return try body()
        } catch {
            throw failure(error.code, error.step, error.errno, error.message)
        }
    }

    private func perform<R>(_ step: LaunchStep, _ body: () throws(Errno) -> R) throws(LaunchError) -> R {
        do {
            return try body()
        } catch {
            throw failure(.stepFailed, step, error, Self.daemonText(step, error))
        }
    }

    private static func daemonText(_ step: LaunchStep, _ errno: Errno) -> String {
        switch errno {
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem:
            "the daemon has no descriptor left; close some, or raise its limit (RLIMIT_NOFILE)"
        case .noMemory, .resourceTemporarilyUnavailable:
            "the kernel has no memory or process left for a child; try again later"
        default:
            "the kernel refused; look for a system call filter on the daemon, or a limit that is reached"
        }
    }
}
