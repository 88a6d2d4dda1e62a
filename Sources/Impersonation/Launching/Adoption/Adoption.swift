import LaunchPlan
import SystemPackage

/// Takes over a job that an earlier daemon has launched without the system helper.
struct Adoption {
    let reference: JobReference
    let identity: ExecutionIdentity
    let backend: LaunchBackend

    private var failures: LaunchFailureReporter {
        LaunchFailureReporter(identity: identity, backend: backend, isOfAdoption: true)
    }

    /// Takes the job over.
    ///
    /// - Returns: The process; its streams stay with whoever has them.
    /// - Throws: ``LaunchError`` when it has ended, or is somebody else's.
    func adopt() throws(LaunchError) -> LaunchedProcess {
        let stopwatch = LaunchStopwatch()
        let child = try openProcess()
        let reactor = try failures.performing(.prepare) { () throws(Errno) in try Reactor.shared() }
        let group = try openGroup()
        let attestation = try attest(child, group.map { ExpectedGroup($0) })
        let process = AdoptedProcess(
            child,
            in: group,
            of: identity.account.userID.rawValue,
            backend: backend,
            on: reactor
        )
        process.startWaiting()
        return LaunchedProcess(
            identity: identity,
            report: .adopted(
                child,
                backend,
                stopwatch,
                group.map { Containment($0, of: identity.account.userID.rawValue) } ?? .session,
                attestation
            ),
            control: process
        )
    }

    private func openProcess() throws(LaunchError) -> StartedChild {
        guard reference.isOfAnotherBoot || !reference.isOfOtherNamespaces else {
            throw failures.failure(
                .stepFailed,
                .prepare,
                .improperLink,
                "process \(reference.processID) was written down in another pid or time namespace, that of another container for "
                    + "one, or those of this daemon cannot be read (/proc/thread-self/ns): here nobody can tell whether it runs; it "
                    + "was left alone, so take it over from there"
            )
        }
        let child: StartedChild?
        do throws(Errno) {
            child = try reference.open()
        } catch {
            throw failures.failure(
                .stepFailed,
                .prepare,
                error,
                "whether process \(reference.processID) still is the job cannot be told, because it cannot be opened, or /proc "
                    + "does not show it (hidepid of proc(5)); it was left alone, so take it over again once that is mended"
            )
        }
        guard let child else { throw failures.hasEnded(reference) }
        return child
    }

    private func openGroup() throws(LaunchError) -> ControlGroup? {
        guard let text = reference.controlGroup else { return nil }
        let path = FilePath(text)
        do throws(ControlGroupError) {
            return try ControlGroupParent(opening: path.removingLastComponent()).group(at: path)
        } catch {
            throw failures.failure(.notPermitted, .createControlGroup, error.errno, error.message)
        }
    }

    private func attest(_ child: StartedChild, _ group: ExpectedGroup?) throws(LaunchError) -> Attestation {
        let (name, user) = (identity.account.name, identity.account.userID.rawValue)
        if let launched = reference.userID, launched != user {
            throw failures.isNotMeant(
                child.processID,
                because: "it was launched as user id \(launched), and \(name) is \(user)"
            )
        }
        if reference.userID != nil, reference.mayGainPrivileges == true { return try attestChanged(child, group) }
        let attestor = Attestor(
            credentials: ChildPlan.Credentials(identity.account),
            // Those of the account may have changed since the start.
            comparesGroups: false,
            comparesGroupIDs: false,
            group: group
        )
        switch attestor.look(at: child, .always) {
        // No child has proven this one: without a look nobody knows.
        case .agreement(.none(.unreadable)):
            throw failures.isNotMeant(child.processID, because: "/proc does not say what it is")
        case .agreement(let attestation): return attestation
        case .difference(let difference): throw failures.isNotMeant(child.processID, because: difference)
        }
    }

    /// What is known of a job that may be somebody else by right: as whom it was launched, when, and its cgroup, which nothing leaves.
    private func attestChanged(_ child: StartedChild, _ group: ExpectedGroup?) throws(LaunchError) -> Attestation {
        let isThere = Result { () throws(Errno) -> Bool in try group?.contains(child.processID) ?? true }
        guard child.isRunning else { return .none(.jobHasEnded) }
        guard case .success(true) = isThere else {
            throw failures.isNotMeant(child.processID, because: "it is not in its cgroup, as far as /proc tells")
        }
        return .none(.jobMayGainPrivileges)
    }
}

extension LaunchFailureReporter {
    /// The error for a job that is not there any more.
    func hasEnded(_ reference: JobReference) -> LaunchError {
        failure(
            .statusLost,
            .wait,
            .noSuchProcess,
            "the job that was process \(reference.processID) has ended meanwhile; nobody here knows how"
        )
    }
}

extension LaunchReport {
    /// What is known of a job that was taken over: where it started is not.
    static func adopted(
        _ child: StartedChild,
        _ backend: LaunchBackend,
        _ stopwatch: LaunchStopwatch,
        _ containment: Containment,
        _ attestation: Attestation
    ) -> LaunchReport {
        var stopwatch = stopwatch
        return LaunchReport(
            backend: backend,
            processID: ProcessID(rawValue: child.processID),
            workingDirectory: "",
            timings: stopwatch.confirmed(),
            containment: containment,
            attestation: attestation
        )
    }
}
