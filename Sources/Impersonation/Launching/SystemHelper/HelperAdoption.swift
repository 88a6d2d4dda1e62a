import LaunchPlan
import LaunchProtocol
import SystemPackage

/// Takes over a job that the system helper has looked after since its daemon ended.
struct HelperAdoption {
    let reference: JobReference
    let identity: ExecutionIdentity
    let launcher: SystemHelperLauncher
    let backend: LaunchBackend

    private var failures: LaunchFailureReporter {
        LaunchFailureReporter(identity: identity, backend: backend, isOfAdoption: true)
    }

    private static let patience = Duration.seconds(10)

    /// Takes the job over.
    ///
    /// - Returns: The process, which may have ended meanwhile: then its end is there at once.
    /// - Throws: ``LaunchError``.
    func adopt() async throws(LaunchError) -> LaunchedProcess {
        guard let path = reference.adoptionSocket else {
            throw failures.failure(
                .unsuitableBackend,
                .connect,
                nil,
                "the job has no socket to take it over by: the helper was started without --adoption-directory, or the job "
                    + "was launched another way; take it over with the launcher that launched it"
            )
        }
        // Nothing of an earlier boot is there, whatever has its place.
        guard reference.processID > 0, !reference.isOfAnotherBoot else { throw failures.hasEnded(reference) }
        let reactor = try failures.performing(.prepare) { () throws(Errno) in try Reactor.shared() }
        let stopwatch = LaunchStopwatch()
        let deadline = stopwatch.begin + Self.patience
        let connection = try await connect(to: FilePath(path), until: deadline)
        try ask(connection)
        let (started, descriptor) = try await reply(on: connection, reactor, until: deadline)
        let child = StartedChild(processID: started.processID, processDescriptor: descriptor)
        // Before anything holds on to the connection: what is not taken over is somebody else's to take over.
        let attestation = try attest(child, started)
        let process = HelpedProcess(child, over: connection, started: started, endsWithDaemon: false, on: reactor)
        process.start()
        return LaunchedProcess(
            identity: identity,
            report: .adopted(
                child,
                backend,
                stopwatch,
                started.controlGroup.map { .controlGroup($0) } ?? .session,
                attestation
            ),
            control: process
        )
    }

    private func connect(
        to path: FilePath,
        until deadline: ContinuousClock.Instant
    ) async throws(LaunchError) -> HelperConnection {
        do throws(LaunchError) {
            return try await HelperConnection(to: path, of: launcher.helperUserIDs, until: deadline, failures)
        } catch {
            switch error.errno {
            case .noSuchFileOrDirectory?, .connectionRefused?: throw unserved(at: path, error.errno)
            case .permissionDenied?: throw foreign(at: path, error.errno)
            case .resourceTemporarilyUnavailable?: throw late
            default: throw error
            }
        }
    }

    private func ask(_ connection: HelperConnection) throws(LaunchError) {
        let user = identity.account.userID.rawValue
        do throws(Errno) {
            try connection.send(.adopt(AdoptionRequest(processID: reference.processID, userID: user)))
        } catch .brokenPipe {
            // It has said why before it went.
        } catch {
            throw failures.failure(.stepFailed, .connect, error, StepFailureText.describeInDaemon(error))
        }
    }

    private func reply(
        on connection: HelperConnection,
        _ reactor: Reactor,
        until deadline: ContinuousClock.Instant
    ) async throws(LaunchError) -> (StartedReport, OwnedDescriptor) {
        while true {
            let waited: Reactor.Ending
            do throws(Errno) {
                waited = try await reactor.ready(connection.socket.descriptor.rawValue, .reading, until: deadline)
            } catch {
                throw failures.failure(.stepFailed, .connect, error, StepFailureText.describeInDaemon(error))
            }
            guard waited == .ready else { throw waited == .cancelled ? failures.cancelled() : late }
            switch connection.receive() {
            case .nothing: continue
            case .message(.started(let report), let descriptors):
                guard report.processID == reference.processID, let descriptor = descriptors.first else { throw lost }
                return (report, descriptor)
            case .message(.refused(let refusal), _) where refusal.reason == Refusal.anotherJob:
                throw failures.isNotMeant(reference.processID, because: refusal.message)
            case .message(.refused(let refusal), _):
                let message = "the system helper refused to hand the job over (\(refusal.reason)): \(refusal.message)"
                throw failures.failure(.refused, .connect, nil, message)
            case .otherVersion(let version): throw failures.speaks(version)
            case .message, .end: throw lost
            }
        }
    }

    private func attest(_ child: StartedChild, _ started: StartedReport) throws(LaunchError) -> Attestation {
        let user = identity.account.userID.rawValue
        guard started.userID == user else {
            throw failures.isNotMeant(
                child.processID,
                because: "it was launched as user id \(started.userID), and \(identity.account.name) is \(user)"
            )
        }
        guard child.isRunning else { return .none(.jobHasEnded) }
        guard !started.mayGainPrivileges else { return .none(.jobMayGainPrivileges) }
        let attestor = Attestor(
            credentials: ChildPlan.Credentials(identity.account),
            // Those of the account may have changed since the start, and modules of PAM may have added some.
            comparesGroups: false,
            comparesGroupIDs: false,
            group: started.controlGroup.map { ExpectedGroup(at: $0) }
        )
        switch attestor.look(at: child, launcher.attestation) {
        case .agreement(let attestation): return attestation
        case .difference(let difference): throw failures.isNotMeant(child.processID, because: difference)
        }
    }
}

/// What is said of a job that was not handed over: that it has ended only where the kernel says so of its process, and nobody
/// is there who could tell how.
extension HelperAdoption {
    private var hasEnded: Bool {
        do throws(Errno) {
            return try reference.open() == nil
        } catch {
            return false
        }
    }

    /// Nobody has answered in time, which says nothing of the job.
    private var late: LaunchError {
        let rest =
            hasEnded
            ? "its first process has ended, and how is told to whoever takes it over"
            : "the job is as it was"
        return failures.failure(
            .deadlineExceeded,
            .connect,
            nil,
            "process \(reference.processID) was not handed over within \(Self.patience): another daemon still has the job, or the "
                + "process of the system helper that looks after it stands still; \(rest): end the other daemon, or let that "
                + "process go on (SIGCONT), and take the job over again"
        )
    }

    /// The connection has ended without an answer.
    private var lost: LaunchError {
        guard !hasEnded else { return failures.hasEnded(reference) }
        return failures.failure(
            .helperLost,
            .connect,
            nil,
            "the process of the system helper that looks after process \(reference.processID) has closed the connection without "
                + "handing the job over, which is as it was; take it over again, and look at the helper's log where that fails"
        )
    }

    /// Nobody listens any more.
    private func unserved(at path: FilePath, _ errno: Errno?) -> LaunchError {
        guard !hasEnded else { return failures.hasEnded(reference) }
        let sight =
            reference.isOfOtherNamespaces && !reference.isOfAnotherBoot
            ? "whether it has ended cannot be seen here, because its number is one of another pid or time namespace"
            : "it has not ended, as far as can be seen"
        return failures.failure(
            .helperUnavailable,
            .connect,
            errno,
            "nobody hands process \(reference.processID) over at \(path), and \(sight): the process "
                + "of the system helper that looked after it is gone, or this is not its socket; without one the job can only be "
                + "ended by hand, as root"
        )
    }

    /// Somebody else's job.
    private func foreign(at path: FilePath, _ errno: Errno?) -> LaunchError {
        failures.failure(
            .helperUnavailable,
            .connect,
            errno,
            "the daemon may not connect to \(path): the job was launched by a daemon of another user id; take it over as that one"
        )
    }
}
