import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

/// One launch through `sudo`: from the command to the process that the launcher has become.
struct SudoLaunch {
    let command: Command
    let identity: ExecutionIdentity
    let launcher: SudoLauncher
    let machinery: LaunchMachinery
    let daemon: DaemonFacts

    /// How long `sudo` may take to end once it has nothing more to say.
    private static let farewell = Duration.seconds(5)

    private var failures: LaunchFailureReporter { LaunchFailureReporter(identity: identity, backend: launcher.backend) }
    private var refusals: SudoFailureReporter { SudoFailureReporter(failures: failures, launcher: launcher) }
    private var reactor: Reactor { machinery.reactor }

    /// Launches.
    ///
    /// - Returns: The confirmed process.
    /// - Throws: ``LaunchError``; ``ProcessLauncher`` says what is left then.
    func run() async throws(LaunchError) -> LaunchedProcess {
        guard !Task.isCancelled else { throw failures.cancelled() }
        var stopwatch = LaunchStopwatch()
        let deadline = stopwatch.begin + command.startDeadline.reasonable
        let program = try refusals.program()
        let invocation = SudoInvocation(
            sudo: program.path,
            launcher: launcher.launcher,
            profile: launcher.profile,
            userID: identity.account.userID.rawValue,
            groupID: identity.account.groupID.rawValue,
            name: identity.account.name.spelling
        )
        let preparation = SudoPreparation(command: command, identity: identity, profile: launcher.profile)
        var problem = invocation.problem ?? preparation.problem
        if problem == nil { problem = await authenticationProblem(program) }
        // Where the kernel tells, no sudo has to be asked what it is.
        if problem == nil, !launcher.isEndTold {
            problem = await program.flavour().endProblem(whereToldByKernel: false)
                .map { "\($0); \(SudoProgram.Flavour.endRemedy)" }
        }
        if let problem { throw failures.failure(.invalidCommand, .prepare, nil, problem) }
        let prepared = try failures.reporting { () throws(LaunchError) in
            try PreparedLaunch(preparation.described, as: identity)
        }
        let streams = try failures.performing(.createPipes) { () throws(Errno) in
            try StreamPlumbing(command, of: identity.account.userID.rawValue)
        }
        let socket = try failures.performing(.createPipes) { () throws(Errno) in
            try SudoSocket(of: identity.account.userID.rawValue)
        }
        let errors = try failures.performing(.createPipes) { () throws(Errno) in
            try SudoSocket(of: identity.account.userID.rawValue)
        }
        let messages = try failures.performing(.createPipes) { () throws(Errno) in
            SudoMessages(errors, of: identity.account.userID.rawValue, on: try Reactor.shared(for: .streams))
        }
        let password = try await password(for: program)
        let group = try failures.reporting { () throws(LaunchError) in
            try prepared.makeGroup(in: launcher.controlGroups)
        }
        stopwatch.end(\.preparation)

        let purpose = SudoInvocation.Purpose.job(
            program: preparation.program,
            arguments: Array(prepared.arguments.dropFirst())
        )
        let arguments = invocation.arguments(
            for: purpose,
            password == nil ? .none : .password(prompt: messages.prompt)
        )
        let (started, steps): (TrampolineStart, [ChildOperation])
        do throws(TrampolineStart.Failure) {
            let ends = [socket.launcher.rawValue, errors.launcher.rawValue, errors.launcher.rawValue]
            (started, steps) = try SudoCall.start(arguments, streams: ends, into: group, with: machinery.trampoline)
        } catch {
            group?.remove()
            throw failures.failure(
                .stepFailed,
                LaunchStep(error.step),
                error.errno,
                StepFailureText.describeInDaemon(error.errno)
            )
        }
        socket.launcher.closeNow()
        errors.launcher.closeNow()
        let process = SupervisedProcess(
            started.child,
            in: group,
            of: prepared.credentials.userID,
            streams: streams,
            on: reactor
        )
        process.startReading()
        messages.start(
            from: started.child.processID,
            answering: { if let password { socket.write(password.secret) } },
            orElse: { socket.endAnswers() }
        )
        let attempt = Attempt(
            started: started,
            steps: steps,
            process: process,
            socket: socket,
            messages: messages,
            deadline: deadline
        )
        do throws(LaunchError) {
            let greeting = try await greeting(attempt)
            messages.stopAnswering()
            stopwatch.end(\.clone)
            let reach = try await proven(greeting, attempt, prepared, group, invocation)
            let job = SudoProcess(process, reach, messages, on: reactor, asking: launcher.kernelsWord) {
                await program.flavour().tellsEverySignal
            }
            let fellBack = try await confirm(attempt, job, greeting, preparation, prepared, streams)
            let attestation = try await attest(reach, job, prepared, group)
            job.start(endingDescendants: command.descendants == .end)
            return LaunchedProcess(
                identity: identity,
                report: LaunchReport(
                    backend: launcher.backend,
                    processID: ProcessID(rawValue: reach.job.processID),
                    workingDirectory: prepared.workingDirectory(fellBack: fellBack),
                    omittedVariables: prepared.environment.omitted,
                    timings: stopwatch.confirmed(),
                    containment: group.map { .controlGroup($0.path) }
                        ?? (launcher.signalsThroughSudo ? .session : .firstProcess),
                    attestation: attestation
                ),
                control: job
            )
        } catch {
            socket.daemon.closeNow()
            messages.close()
            throw error
        }
    }

    /// What is under way.
    private struct Attempt {
        /// How long a child that was killed may take to go before the launch reports its failure without it.
        static let reapingTime = Duration.seconds(1)

        let started: TrampolineStart
        let steps: [ChildOperation]
        let process: SupervisedProcess
        let socket: SudoSocket
        let messages: SudoMessages
        let deadline: ContinuousClock.Instant

        /// Gives it up.
        ///
        /// The launcher has the ids of the account and cannot be killed: it ends when it finds the end of its socket, now or once
        /// a shell has become it.
        ///
        /// - Returns: Whether `sudo` is gone.
        @discardableResult
        func discard() async -> Bool {
            messages.stopAnswering()
            socket.daemon.closeNow()
            return await process.discard(within: Self.reapingTime)
        }
    }

    private func authenticationProblem(_ program: SudoProgram) async -> String? {
        guard launcher.authentication.asks else { return nil }
        let flavour = await program.flavour()
        guard !flavour.takesPassword else { return nil }
        if case .rust = flavour {
            return
                "\(flavour) is given no password: it does not say what a module of PAM asks for; make the rule NOPASSWD, or use the "
                + "original sudo"
        }
        return
            "\(program.path) does not say that it is the original sudo, or not in time, and only that one is given a password; make "
            + "the rule NOPASSWD, or try again when `sudo --version` answers"
    }

    private func password(for program: SudoProgram) async throws(LaunchError) -> SecretBox? {
        guard case .password(let ask) = launcher.authentication else { return nil }
        let flavour = await program.flavour()
        guard let secret = await ask() else {
            throw refusals.noPassword()
        }
        if let problem = SudoAuthentication.problem(of: secret, for: flavour) {
            throw failures.failure(.invalidCommand, .prepare, nil, problem)
        }
        return SecretBox(secret)
    }

    /// Waits until the launcher says hello, or `sudo` has said why not.
    private func greeting(_ attempt: Attempt) async throws(LaunchError) -> SudoSocket.Greeting {
        while true {
            let waited: Reactor.Ending
            do throws(Errno) {
                waited = try await reactor.ready(
                    attempt.socket.daemon.rawValue,
                    .reading,
                    until: attempt.deadline,
                    whenCancelled: { true }
                )
            } catch {
                await attempt.discard()
                throw failures.failure(.stepFailed, .confirm, error, "the launcher could not be waited for")
            }
            switch waited {
            case .ready: break
            case .cancelled:
                _ = attempt.started.token.withdraw()
                await attempt.discard()
                throw failures.cancelled()
            case .deadlineExceeded:
                _ = attempt.started.token.withdraw()
                let isGone = await attempt.discard()
                throw refusals.deadlineExceeded(command.startDeadline, attempt.messages.text, isGone: isGone)
            }
            switch attempt.socket.receive() {
            case .greeting(let greeting): return greeting
            case .nothing: continue
            case .nonsense:
                await attempt.discard()
                throw failures.failure(
                    .verificationFailed,
                    .confirm,
                    nil,
                    "what answers is not this version of the launcher; install the one that belongs to the daemon as "
                        + "\(launcher.launcher)"
                )
            case .end: throw await refusal(attempt)
            }
        }
    }

    /// What `sudo` has said before it ended.
    private func refusal(_ attempt: Attempt) async -> LaunchError {
        let patience = min(attempt.deadline, .now + Self.farewell)
        _ = try? await reactor.ready(attempt.started.child.processDescriptor.rawValue, .reading, until: patience)
        await attempt.discard()
        if case .failed(let reported) = attempt.started.ending() {
            return failures.failure(of: reported, in: attempt.steps)
        }
        if Task.isCancelled { return failures.cancelled() }
        return refusals.error(of: attempt.messages)
    }

    /// Compares who has said hello with whom the job is to be, by the kernel's word.
    private func proven(
        _ greeting: SudoSocket.Greeting,
        _ attempt: Attempt,
        _ prepared: PreparedLaunch,
        _ group: ControlGroup?,
        _ invocation: SudoInvocation
    ) async throws(LaunchError) -> SudoReach {
        let found = Result { () throws(SudoDescent.Problem) in
            try SudoDescent(
                of: greeting,
                from: attempt.started.child,
                expecting: prepared.credentials,
                in: group.map { ExpectedGroup($0) }
            )
        }
        switch found {
        case .success(let descent):
            return SudoReach(
                sudo: attempt.started.child,
                job: descent.job,
                leader: descent.leader,
                helpers: descent.helpers,
                between: descent.between,
                group: group,
                asking: invocation,
                launcher.signalsThroughSudo
            )
        case .failure(let problem):
            _ = attempt.started.token.withdraw()
            await attempt.discard()
            throw failures.failure(.verificationFailed, .verifyOutside, problem.errno, problem.message)
        }
    }

    /// Sends the order, and waits until the launcher has become the job.
    ///
    /// - Returns: Whether the job starts in the directory to fall back to.
    private func confirm(
        _ attempt: Attempt,
        _ job: SudoProcess,
        _ greeting: SudoSocket.Greeting,
        _ preparation: SudoPreparation,
        _ prepared: PreparedLaunch,
        _ streams: StreamPlumbing
    ) async throws(LaunchError) -> Bool {
        var pure = prepared.plan(with: streams)
        pure.parent = ChildPlan.Parent(processID: greeting.parent, endSignal: SIGKILL)
        let found = DaemonFacts(
            userID: daemon.userID,
            groupID: daemon.groupID,
            limits: greeting.limits,
            isProtectedFromOutOfMemory: false,
            mayEmptyBoundingSet: false
        )
        let steps = pure.switched(to: prepared.credentials, from: found)
        let token: LaunchToken
        let status: (reading: OwnedDescriptor, writing: OwnedDescriptor)
        do throws(LaunchError) {
            let plan = try failures.encoding(steps, kind: .switched)
            (token, status) = try failures.performing(.createPipes) { () throws(Errno) in
                (try LaunchToken(), try OwnedDescriptor.pipe())
            }
            let order = preparation.order(plan, prepared)
            try failures.performing(.confirm) { () throws(Errno) in
                try order.send(
                    over: attempt.socket,
                    status: status.writing,
                    token: token,
                    descriptors: streams.childEnds + streams.extraEnds
                )
            }
        } catch {
            await attempt.discard()
            throw error
        }
        status.writing.closeNow()
        streams.closeChildEnds()
        return try await ending(attempt, job, status.reading, token, steps)
    }

    private func ending(
        _ attempt: Attempt,
        _ job: SudoProcess,
        _ status: OwnedDescriptor,
        _ token: LaunchToken,
        _ steps: [ChildOperation]
    ) async throws(LaunchError) -> Bool {
        // Past its point of no return the job is on its way: whatever could kill it in its exec takes longer than that.
        let waited: Reactor.Ending
        do throws(Errno) {
            waited = try await reactor.ready(
                status.rawValue,
                .hangup,
                until: attempt.deadline,
                whenCancelled: { token.withdraw() }
            )
        } catch {
            let isWithdrawn = token.withdraw()
            if isWithdrawn { await attempt.discard() } else { await job.discard() }
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
            await attempt.discard()
            throw failures.cancelled()
        case .deadlineExceeded:
            let isWithdrawn = token.withdraw()
            if !isWithdrawn, TrampolineStart.hasReported(status) { break }
            guard isWithdrawn else {
                // Past its point of no return, it stands in its exec.
                await job.discard()
                throw failures.deadlineExceeded(command.startDeadline)
            }
            let isGone = await attempt.discard()
            throw failures.deadlineExceeded(command.startDeadline, isGone: isGone)
        }
        switch TrampolineStart.ending(of: status) {
        case .running(let fellBack): return fellBack
        case .failed(let reported):
            _ = try? await reactor.ready(
                attempt.started.child.processDescriptor.rawValue,
                .reading,
                until: .now + Attempt.reapingTime
            )
            await attempt.discard()
            let isWithdrawal = LaunchStep(rawValue: reported.step) == .commit && Task.isCancelled
            throw isWithdrawal ? failures.cancelled() : refusals.error(of: reported, in: steps)
        case .silent:
            await attempt.discard()
            throw Task.isCancelled ? failures.cancelled() : failures.endedBeforeStart()
        }
    }

    /// Looks at the job once it runs; what it was right before, `/proc` has said already.
    private func attest(
        _ reach: SudoReach,
        _ job: SudoProcess,
        _ prepared: PreparedLaunch,
        _ group: ControlGroup?
    ) async throws(LaunchError) -> Attestation {
        guard command.noNewPrivileges else { return .procfs }
        let attestor = Attestor(
            credentials: prepared.credentials,
            comparesGroups: true,
            group: group.map { ExpectedGroup($0) }
        )
        switch attestor.look(at: reach.job, .always) {
        case .agreement(.kernel): return .kernel
        case .agreement: return .procfs
        case .difference(let difference):
            await job.discard()
            throw failures.differs(difference)
        }
    }
}
