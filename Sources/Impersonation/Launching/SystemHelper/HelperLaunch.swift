import CLaunchPlan
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// One launch through the system helper: from the command to the process that the helper has started and confirmed.
struct HelperLaunch {
    let command: Command
    let identity: ExecutionIdentity
    let launcher: SystemHelperLauncher
    let reactor: Reactor
    var backend = LaunchBackend.helper
    /// The session of PAM that the job is to have; `nil` for none.
    var session: SessionOpening?

    private var failures: LaunchFailureReporter { LaunchFailureReporter(identity: identity, backend: backend) }

    /// How much longer than the job the helper may take: to answer, and to end a child that is not to run.
    private static let margin = Duration.seconds(3)

    func run() async throws(LaunchError) -> LaunchedProcess {
        guard !Task.isCancelled else { throw failures.cancelled() }
        var stopwatch = LaunchStopwatch()
        let deadline = stopwatch.begin + command.startDeadline.reasonable
        let prepared = try failures.reporting { () throws(LaunchError) in try PreparedLaunch(command, as: identity) }
        let streams = try failures.performing(.createPipes) { () throws(Errno) in
            try StreamPlumbing(command, of: identity.account.userID.rawValue)
        }
        let order = order(prepared, streams)
        let connection = try await HelperConnection(
            to: launcher.socket,
            of: launcher.helperUserIDs,
            until: deadline,
            failures
        )
        try await greet(connection, until: deadline + Self.margin)
        stopwatch.end(\.preparation)
        try send(order, streams, over: connection)
        streams.closeChildEnds()
        stopwatch.end(\.clone)
        let (started, descriptor) = try await reply(on: connection, until: deadline + Self.margin)
        let child = StartedChild(processID: started.processID, processDescriptor: descriptor)
        let process = HelpedProcess(
            child,
            over: connection,
            streams: streams,
            started: started,
            endsWithDaemon: order.endsWithDaemon,
            on: reactor
        )
        let attestation = try await attest(child, process, prepared, started)
        process.start()
        return LaunchedProcess(
            identity: identity,
            report: LaunchReport(
                backend: backend,
                processID: ProcessID(rawValue: started.processID),
                workingDirectory: prepared.workingDirectory(fellBack: started.fellBack),
                omittedVariables: prepared.environment.omitted,
                timings: stopwatch.confirmed(),
                containment: started.controlGroup.map { .controlGroup($0) } ?? .session,
                attestation: attestation,
                session: session.flatMap { session in
                    started.session.map { JobSession($0, service: session.service) }
                }
            ),
            control: process
        )
    }

    private func order(_ prepared: PreparedLaunch, _ streams: StreamPlumbing) -> LaunchOrder {
        let plan = prepared.plan(with: streams)
        return LaunchOrder(
            account: Array(identity.account.name.spelling.utf8),
            credentials: prepared.credentials,
            executables: plan.executables,
            arguments: prepared.arguments.map { Array($0.utf8) },
            environment: prepared.environment.variables.map { Array($0.utf8) },
            workingDirectory: plan.workingDirectory,
            fallbackDirectory: plan.fallbackDirectory,
            streamFiles: plan.streamFiles,
            errorFollowsOutput: plan.errorFollowsOutput,
            niceness: Int32(plan.niceness),
            fileModeCreationMask: UInt16(plan.fileModeCreationMask.rawValue),
            resourceLimits: plan.resourceLimits,
            noNewPrivileges: plan.noNewPrivileges,
            emptiesBoundingSet: plan.emptiesBoundingSet,
            terminal: plan.terminal,
            startDeadlineMilliseconds: UInt32(clamping: command.startDeadline.milliseconds),
            descriptorTargets: Array(0..<(3 + plan.extraDescriptorCount)),
            treeLimits: prepared.treeLimits,
            endsWithDaemon: command.daemonEnd != .goOn,
            endsDescendants: command.descendants == .end,
            session: session?.order(for: command)
        )
    }

    private func send(
        _ order: LaunchOrder,
        _ streams: StreamPlumbing,
        over connection: HelperConnection
    ) throws(LaunchError) {
        let descriptors = streams.childEnds + streams.extraEnds + (session?.password.map { [$0] } ?? [])
        defer { session?.password?.closeNow() }
        let frame: EncodedFrame
        do throws(FrameError) {
            frame = try HelperConnection.encode(.launch(order), descriptors: descriptors)
        } catch {
            let message = "the helper cannot be asked for it: \(error.message)"
            throw failures.failure(.invalidCommand, .prepare, nil, message)
        }
        do throws(Errno) {
            try connection.send(frame, descriptors: descriptors)
        } catch .brokenPipe {
            // It has said why before it went.
            return
        } catch .notPermitted {
            // It takes no descriptors any more (SO_PASSRIGHTS, Linux 6.16), and has said why: the launch was withdrawn, for one.
            return
        } catch {
            throw lost(error)
        }
    }

    /// Waits until the helper knows who this is: before that it takes no descriptors from anybody.
    private func greet(
        _ connection: HelperConnection,
        until deadline: ContinuousClock.Instant
    ) async throws(LaunchError) {
        do throws(Errno) {
            try connection.send(.hello(version: FrameHeader.version))
        } catch .brokenPipe {
            // It has said why before it went.
        } catch {
            throw lost(error)
        }
        guard case .welcome = try await next(on: connection, until: deadline, isGreeting: true).message else {
            throw lost(nil)
        }
    }

    /// Waits for the answer of the helper.
    ///
    /// A launch that is given up is withdrawn, and the helper's word waited for all the same: only it knows what came first.
    private func reply(
        on connection: HelperConnection,
        until deadline: ContinuousClock.Instant
    ) async throws(LaunchError) -> (StartedReport, OwnedDescriptor) {
        let (message, descriptors) = try await next(on: connection, until: deadline)
        guard case .started(let report) = message, let descriptor = descriptors.first else { throw lost(nil) }
        return (report, descriptor)
    }

    /// Waits for the next message that is no refusal and no failure.
    private func next(
        on connection: HelperConnection,
        until deadline: ContinuousClock.Instant,
        isGreeting: Bool = false
    ) async throws(LaunchError) -> (message: HelperMessage, descriptors: [OwnedDescriptor]) {
        while true {
            let waited: Reactor.Ending
            do throws(Errno) {
                waited = try await reactor.ready(
                    connection.socket.descriptor.rawValue,
                    .reading,
                    until: deadline,
                    whenCancelled: {
                        try? connection.send(.withdraw)
                        return false
                    }
                )
            } catch {
                throw failures.failure(.stepFailed, .confirm, error, "the answer of the helper could not be waited for")
            }
            guard waited == .ready else {
                // The connection ends with this, and with it whatever the helper is doing for it.
                throw failures.deadlineExceeded(command.startDeadline)
            }
            switch connection.receive() {
            case .nothing: continue
            case .otherVersion(let version) where isGreeting: throw failures.speaks(version)
            case .end, .otherVersion: throw Task.isCancelled ? failures.cancelled() : lost(nil)
            // Nobody here has withdrawn it: the helper is about to end, and has seen to the child itself.
            case .message(.failed(let report), _) where report.code == .withdrawn && !Task.isCancelled:
                let message = "the system helper has given the launch up: \(report.operationText)"
                throw failures.failure(.helperLost, LaunchStep(rawValue: report.step), nil, message)
            case .message(.failed(let report), _): throw error(of: report)
            case .message(.refused(let refusal), _):
                guard !Task.isCancelled || refusal.reason != "no-job" else { throw failures.cancelled() }
                let message = "the system helper refused the launch (\(refusal.reason)): \(refusal.message)"
                throw failures.failure(.refused, .connect, nil, message)
            case .message(let message, let descriptors): return (message, descriptors)
            }
        }
    }

    private func error(of report: FailureReport) -> LaunchError {
        let code: LaunchError.Code =
            switch report.code {
            case .invalidOrder: .invalidCommand
            case .notPermitted: .notPermitted
            case .stepFailed: .stepFailed
            case .executableNotStarted: .executableNotStarted
            case .verificationFailed: .verificationFailed
            case .deadlineExceeded: .deadlineExceeded
            case .endedBeforeStart: .endedBeforeStart
            case .withdrawn: .cancelled
            case .accountRefused: .accountRefused
            case .sessionFailed: .sessionFailed
            case .directoryUnavailable: .directoryUnavailable
            }
        let step = LaunchStep(rawValue: report.step)
        return failures.failure(
            code,
            step,
            report.errno == 0 ? nil : Errno(rawValue: report.errno),
            report.operationText,
            sessionRefusal: report.verdict.map { SessionRefusal($0, kind: report.code, step: step) }
        )
    }

    private func lost(_ errno: Errno?) -> LaunchError {
        // What is to outlive a daemon is tied to nobody, and its process of the helper may have been killed in the middle of the exec.
        let rest =
            command.daemonEnd == .goOn
            ? "a job that is to outlive its daemon may run all the same, with nobody to look after it; look for processes of the account"
            : "what it had begun ends with it, unless it was killed without CAP_KILL; look at its log and launch again"
        return failures.failure(
            .helperLost,
            .connect,
            errno,
            "the system helper ended before it had answered, and \(rest)"
        )
    }

    /// The daemon looks for itself: a helper that is wrong about whom the job runs as is not believed.
    private func attest(
        _ child: StartedChild,
        _ process: HelpedProcess,
        _ prepared: PreparedLaunch,
        _ started: StartedReport
    ) async throws(LaunchError) -> Attestation {
        guard command.noNewPrivileges else { return .none(.jobMayGainPrivileges) }
        var credentials = prepared.credentials
        credentials.groups = Set(credentials.groups).union(started.session?.addedGroups ?? []).sorted()
        let attestor = Attestor(
            credentials: credentials,
            comparesGroups: true,
            group: started.controlGroup.map { ExpectedGroup(at: $0) }
        )
        switch attestor.look(at: child, launcher.attestation) {
        case .agreement(let attestation): return attestation
        case .difference(let difference):
            process.start()
            _ = try? await process.terminate(gracePeriod: .zero)
            throw failures.differs(difference)
        }
    }
}
