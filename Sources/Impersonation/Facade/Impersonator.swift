import FoundationEssentials
public import Logging
public import Metrics
import SystemPackage

/// Runs commands as whoever the policy says: resolve, check the credential where the backend needs one, write the
/// decision down, launch.
///
/// Nothing runs that was not decided and written down before. The audit log gets, for every request, one record of the
/// decision (denials, badlogins and failures to decide, too); for every command that was let through, one record that
/// it was started or could not be; and one when it has ended. A job that is taken over from an earlier daemon has the same
/// records.
public struct Impersonator: Sendable {
    private let resolver: any ExecutionIdentityResolver
    private let launcher: any ProcessLauncher
    private let currentAccountLauncher: any ProcessLauncher
    private let audit: any AuditLog
    private let credentials: (any CredentialStore)?
    private let logger: Logger
    private let observer: JobObserver

    /// Puts the stages together.
    ///
    /// - Parameters:
    ///   - resolver: Decides as whom a command runs.
    ///   - launcher: Starts commands that run as another account.
    ///   - currentAccountLauncher: Starts commands that keep the account of this process (desktop mode).
    ///   - audit: Where every decision is written down. ``NoAuditLog`` is for programs that want none.
    ///   - credentials: Where a launcher that needs a credential finds it; without any influence on the others.
    ///   - logger: Where failures go that can no longer be returned, and at `debug` what becomes of every request.
    ///   - metrics: What makes the metrics that the article Metrics lists.
    public init(
        resolver: any ExecutionIdentityResolver,
        launcher: any ProcessLauncher,
        currentAccountLauncher: any ProcessLauncher = CurrentUserLauncher(),
        audit: any AuditLog,
        credentials: (any CredentialStore)? = nil,
        logger: Logger = .current,
        metrics: any MetricsFactory = MetricsSystem.factory
    ) {
        self.resolver = resolver
        self.launcher = launcher
        self.currentAccountLauncher = currentAccountLauncher
        self.audit = audit
        self.credentials = credentials
        self.logger = logger
        observer = JobObserver(metrics: JobMetrics(factory: metrics), logger: logger)
    }

    /// Decides as whom a request would run, and runs nothing.
    ///
    /// An explanation gives nobody anything, so it is not written to the audit log.
    ///
    /// - Parameter request: Who asks, and as whom.
    /// - Returns: The identity, a denial or a badlogin, each with every rule that had a say.
    /// - Throws: ``ImpersonationError`` with the code `resolutionFailed` when nothing could be decided.
    public func explain(_ request: ExecutionRequest) async throws(ImpersonationError) -> Resolution {
        do throws(ResolutionError) {
            return try await resolver.resolve(request)
        } catch {
            throw ImpersonationError(error)
        }
    }

    /// Runs a command as whoever the policy says.
    ///
    /// The decision is in the audit log before the job starts; when it cannot be written, nothing runs. Once the
    /// process runs, a failing audit log is reported to the logger and ends nothing. ``LaunchedProcess/exitReport()``
    /// of the returned process returns after the end has been written down. Until then one task of its own holds the
    /// process; it ends when the process ends, whether or not anybody waits.
    ///
    /// When the calling task is cancelled before the program runs, the launch is given up (``ProcessLauncher``); a running
    /// program is not touched.
    ///
    /// - Parameters:
    ///   - command: What is run.
    ///   - request: Who asks, and as whom.
    /// - Returns: The running process, a denial or a badlogin.
    /// - Throws: ``ImpersonationError`` when nothing could be decided, the decision could not be written down, or the
    ///   process could not be started. Nothing of the job has run then, but for what ``ProcessLauncher`` says.
    public func launch(
        _ command: Command,
        for request: ExecutionRequest
    ) async throws(ImpersonationError) -> LaunchOutcome {
        do throws(ImpersonationError) {
            let outcome = try await carryOut(command, for: request)
            observer.refused(outcome, request, .launch(of: command))
            return outcome
        } catch {
            let backend = error.resolution?.identity.map { launcher(for: $0).backend }
            observer.failed(error, backend: backend, request, .launch(of: command))
            throw error
        }
    }

    /// Takes over a job that an earlier daemon has launched and that has outlived it.
    ///
    /// It is decided anew as whom the request would run: a job is not taken over for a login that may not have it any more, or
    /// would run as another account now, and goes on as it is. That decision is in the audit log before the job is taken over,
    /// with the number of its process, and behind it whether it was; ``LaunchedProcess/exitReport()`` of the returned process
    /// returns after the end has been written down, as after ``launch(_:for:)``. Nothing is started, so no credential is asked
    /// for.
    ///
    /// - Parameters:
    ///   - reference: The job, as ``LaunchedProcess/reference`` has named it.
    ///   - request: Whom it was launched for, as it was asked for then.
    /// - Returns: The running process, a denial or a badlogin.
    /// - Throws: ``ImpersonationError`` when nothing could be decided, the decision could not be written down, or the job could
    ///   not be taken over (``ProcessLauncher/adopt(_:as:)``).
    public func adopt(
        _ reference: JobReference,
        for request: ExecutionRequest
    ) async throws(ImpersonationError) -> LaunchOutcome {
        do throws(ImpersonationError) {
            let outcome = try await takeOver(reference, for: request)
            observer.refused(outcome, request, .adoption)
            return outcome
        } catch {
            let backend = error.resolution?.identity.map { launcher(for: $0).backend }
            observer.failed(error, backend: backend, request, .adoption)
            throw error
        }
    }

    private func takeOver(
        _ reference: JobReference,
        for request: ExecutionRequest
    ) async throws(ImpersonationError) -> LaunchOutcome {
        let resolution = try await decide(request, nil)
        var record = record(of: resolution, request, nil)
        record.processID = ProcessID(rawValue: reference.processID)
        try await write(record, after: resolution)

        switch resolution {
        case .denied(let denial, let explanation): return .denied(denial, because: explanation)
        case .badLogin(let badLogin, let explanation): return .badLogin(badLogin, because: explanation)
        case .identity(let identity, let explanation):
            do throws(LaunchError) {
                let process = try await launcher(for: identity).adopt(reference, as: identity)
                observer.started(process, request, .adoption)
                return .launched(await audited(process, .adopted, record: record), because: explanation)
            } catch {
                await recordFailure(error, record: record)
                throw ImpersonationError(error, after: resolution)
            }
        }
    }

    private func carryOut(
        _ command: Command,
        for request: ExecutionRequest
    ) async throws(ImpersonationError) -> LaunchOutcome {
        let decided = try await decide(request, command)
        let resolution = try await checkCredential(decided, for: request, command)
        let record = record(of: resolution, request, command)
        try await write(record, after: resolution)

        switch resolution {
        case .denied(let denial, let explanation): return .denied(denial, because: explanation)
        case .badLogin(let badLogin, let explanation): return .badLogin(badLogin, because: explanation)
        case .identity(let identity, let explanation):
            do throws(LaunchError) {
                let process = try await launcher(for: identity).launch(command, as: identity)
                observer.started(process, request, .launch(of: command))
                return .launched(await audited(process, .started, record: record), because: explanation)
            } catch {
                await recordFailure(error, record: record)
                guard let badLogin = error.badLogin else { throw ImpersonationError(error, after: resolution) }
                var explanation = explanation
                explanation.note("session", from: .program, badLogin.message)
                return .badLogin(badLogin, because: explanation)
            }
        }
    }

    private func launcher(for identity: ExecutionIdentity) -> any ProcessLauncher {
        switch identity.method {
        case .switchAccount: launcher
        case .keepCurrentAccount: launcher.backend == .current ? launcher : currentAccountLauncher
        }
    }

    private func decide(
        _ request: ExecutionRequest,
        _ command: Command?
    ) async throws(ImpersonationError) -> Resolution {
        do throws(ResolutionError) {
            return try await resolver.resolve(request)
        } catch {
            try await writeFailure(
                ImpersonationError(error),
                reason: error.code.description,
                request,
                command
            )
        }
    }

    /// Turns an identity into a badlogin when the launcher needs a credential and there is none to use.
    private func checkCredential(
        _ resolution: Resolution,
        for request: ExecutionRequest,
        _ command: Command
    ) async throws(ImpersonationError) -> Resolution {
        guard case .identity(let identity, var explanation) = resolution else { return resolution }
        let launcher = launcher(for: identity)
        guard launcher.requiresCredential else { return resolution }
        let badLogin: BadLogin
        if let credentials {
            do throws(CredentialStoreError) {
                switch try await credentials.check(identity.account.name) {
                case .usable: return resolution
                case .badLogin(let found): badLogin = found
                }
            } catch {
                try await writeFailure(
                    ImpersonationError(error, after: resolution),
                    reason: error.code.description,
                    request,
                    command
                )
            }
        } else {
            badLogin = BadLogin(
                .missing,
                message: "backend \(launcher.backend) needs the password of account \(identity.account.name), and this "
                    + "program was given no credential store; give it one, or use a backend that needs no password"
            )
        }
        explanation.note("credential", from: .program, badLogin.message)
        return .badLogin(badLogin, because: explanation)
    }

    private func record(of resolution: Resolution, _ request: ExecutionRequest, _ command: Command?) -> AuditRecord {
        var record = AuditRecord(
            date: Date(),
            event: .decision,
            request: request,
            outcome: resolution.outcome,
            reason: resolution.reason,
            message: resolution.message
        )
        record.mode = resolution.identity?.mode
        record.account = resolution.identity?.account
        record.rules = resolution.explanation.entries
        record.backend = resolution.identity.map { launcher(for: $0).backend }
        record.executable = command?.executable.spelling
        return record
    }

    private func write(_ record: AuditRecord, after resolution: Resolution) async throws(ImpersonationError) {
        do throws(AuditLogError) {
            try await audit.append(record)
        } catch {
            throw ImpersonationError(error, after: resolution, explanation: resolution.explanation)
        }
    }

    /// Writes down that nothing could be decided, and says so.
    private func writeFailure(
        _ failure: ImpersonationError,
        reason: String,
        _ request: ExecutionRequest,
        _ command: Command?
    ) async throws(ImpersonationError) -> Never {
        var record = AuditRecord(
            date: Date(),
            event: .decision,
            request: request,
            outcome: "error",
            reason: reason,
            message: failure.message
        )
        record.mode = failure.resolution?.identity?.mode
        record.account = failure.resolution?.identity?.account
        record.rules = failure.explanation.entries
        record.executable = command?.executable.spelling
        do throws(AuditLogError) {
            try await audit.append(record)
        } catch {
            throw ImpersonationError(error, after: failure.resolution, explanation: failure.explanation)
        }
        throw failure
    }

    /// Writes down that the job runs and sees to it that its end is written down.
    private func audited(
        _ process: LaunchedProcess,
        _ event: AuditRecord.Event,
        record decision: AuditRecord
    ) async -> LaunchedProcess {
        var record = decision
        record.date = Date()
        record.event = event
        record.backend = process.report.backend
        record.processID = process.processID
        // Of a job that was taken over nobody here has seen the start.
        record.timings = event == .started ? process.report.timings : nil
        record.attestation = process.report.attestation
        record.message = "the job runs as \(process.identity.account.name)"
        record.rules = []
        await writeAfterwards(record)
        return LaunchedProcess(
            identity: process.identity,
            report: process.report,
            control: AuditedProcess(process, record: record, audit: audit, observer: observer)
        )
    }

    private func recordFailure(_ error: LaunchError, record decision: AuditRecord) async {
        var record = decision
        record.date = Date()
        record.event = .failed
        record.outcome = "error"
        record.reason = error.code.description
        record.message = error.description
        record.rules = []
        await writeAfterwards(record)
    }

    /// Writes a record about something that cannot be undone any more.
    private func writeAfterwards(_ record: AuditRecord) async {
        do throws(AuditLogError) {
            try await audit.append(record)
        } catch {
            logger.error(
                "What came of a job could not be written to the audit log",
                metadata: ["event": "\(record.event.rawValue)", "error": "\(error)"]
            )
        }
    }

}
