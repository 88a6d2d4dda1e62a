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
        let reactor = try failures.performing(.prepare) { () throws(Errno) in try Reactor.shared() }
        let stopwatch = LaunchStopwatch()
        let deadline = stopwatch.begin + Self.patience
        let connection = try await HelperConnection(
            to: FilePath(path),
            of: launcher.helperUserIDs,
            until: deadline,
            failures
        )
        try failures.performing(.connect) { () throws(Errno) in try connection.send(.adopt) }
        let (started, descriptor) = try await reply(on: connection, reactor, until: deadline)
        guard started.processID == reference.processID, reference.bootID == ProcessStart.bootID else {
            throw failures.hasEnded(reference)
        }
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

    private func reply(
        on connection: HelperConnection,
        _ reactor: Reactor,
        until deadline: ContinuousClock.Instant
    ) async throws(LaunchError) -> (StartedReport, OwnedDescriptor) {
        while true {
            let waited = try? await reactor.ready(connection.socket.descriptor.rawValue, .reading, until: deadline)
            guard waited == .ready else {
                throw waited == .cancelled ? failures.cancelled() : failures.hasEnded(reference)
            }
            switch connection.receive() {
            case .nothing: continue
            case .message(.started(let report), let descriptors):
                guard let descriptor = descriptors.first else { throw failures.hasEnded(reference) }
                return (report, descriptor)
            case .message(.refused(let refusal), _):
                let message = "the system helper refused to hand the job over (\(refusal.reason)): \(refusal.message)"
                throw failures.failure(.refused, .connect, nil, message)
            case .message, .end: throw failures.hasEnded(reference)
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
