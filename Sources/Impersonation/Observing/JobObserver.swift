import Logging
import SystemPackage

/// Tells the host's log and metrics what becomes of requests and jobs; the one place where either is told.
///
/// The log is told at the level `debug`: whoever called is told everything anyhow, and decides what is worth more. Whatever
/// came from outside is escaped and shortened, because a log is read in a terminal.
struct JobObserver: Sendable {
    let metrics: JobMetrics
    let logger: Logger

    private static let textLimit = 256

    /// What was asked for.
    enum Errand {
        case launch(of: Command)
        case adoption

        fileprivate var program: String? {
            if case .launch(let command) = self { command.executable.spelling } else { nil }
        }

        fileprivate var isAdoption: Bool {
            if case .adoption = self { true } else { false }
        }
    }

    /// A job runs.
    func started(_ process: LaunchedProcess, _ request: ExecutionRequest, _ errand: Errand) {
        if errand.isAdoption { metrics.adopted(process.report) } else { metrics.started(process.report) }
        var metadata = metadata(of: process)
        metadata["login"] = Self.text(request.login)
        metadata["mode"] = "\(process.identity.mode.rawValue)"
        metadata["executable"] = Self.text(errand.program)
        metadata["attestation"] = "\(process.report.attestation)"
        metadata["start_seconds"] = errand.isAdoption ? nil : "\(process.report.startTime / .seconds(1))"
        logger.debug(errand.isAdoption ? "A job was taken over" : "A job was started", metadata: metadata)
    }

    /// A rule, or a credential, keeps a job from running, or from being taken over.
    func refused(_ outcome: LaunchOutcome, _ request: ExecutionRequest, _ errand: Errand) {
        var metadata = metadata(of: request, errand)
        let text: Logger.Message
        switch outcome {
        case .launched: return
        case .denied(let denial, _):
            metrics.refused("denied", isAdoption: errand.isAdoption)
            metadata["reason"] = "\(denial.reason)"
            metadata["message"] = Self.text(denial.message)
            text = errand.isAdoption ? "A job was not taken over: denied" : "A job was denied"
        case .badLogin(let badLogin, _):
            metrics.refused("badlogin", isAdoption: errand.isAdoption)
            metadata["reason"] = "\(badLogin.reason)"
            metadata["message"] = Self.text(badLogin.message)
            text = errand.isAdoption ? "A job was not taken over: no usable login" : "A job has no usable login"
        }
        logger.debug(text, metadata: metadata)
    }

    /// A request was not decided, or its job could not be started or taken over.
    func failed(
        _ error: ImpersonationError,
        backend: LaunchBackend?,
        _ request: ExecutionRequest,
        _ errand: Errand
    ) {
        metrics.failed(error, backend: backend, isAdoption: errand.isAdoption)
        var metadata = metadata(of: request, errand)
        metadata["reason"] = "\(error.launchError?.code.description ?? error.code.description)"
        metadata["message"] = Self.text(error.message)
        metadata["backend"] = backend.map { "\($0)" }
        metadata["account"] = Self.text(error.resolution?.identity?.account.name.spelling)
        metadata["step"] = error.launchError.map { "\($0.step)" }
        metadata["errno"] = error.launchError?.errno.map { "\($0.rawValue)" }
        logger.debug(
            errand.isAdoption ? "A job could not be taken over" : "A job could not be started",
            metadata: metadata
        )
    }

    /// A job has ended, or its end was lost.
    func ended(_ process: LaunchedProcess, _ end: Result<ExitReport, LaunchError>, after wallTime: Duration) {
        var metadata = metadata(of: process)
        var status: TerminationStatus?
        switch end {
        case .success(let report):
            status = report.status
            switch report.status {
            case .exited(let code): metadata["exited"] = "\(code)"
            case .signaled(let signal, _): metadata["signaled"] = "\(signal.rawValue)"
            }
        case .failure(let error):
            metadata["reason"] = "\(error.code)"
            metadata["message"] = Self.text(error.message)
        }
        metadata["wall_seconds"] = "\(wallTime / .seconds(1))"
        metrics.ended(process.report.backend, status, after: wallTime)
        logger.debug("A job has ended", metadata: metadata)
    }

    /// The host ends a job.
    func killed(_ process: LaunchedProcess, by request: JobMetrics.Kill) {
        metrics.killed(process.report.backend, by: request)
        var metadata = metadata(of: process)
        metadata["request"] = "\(request.rawValue)"
        logger.debug("A job is ended by its host", metadata: metadata)
    }

    private func metadata(of request: ExecutionRequest, _ errand: Errand) -> Logger.Metadata {
        var metadata: Logger.Metadata = [:]
        metadata["login"] = Self.text(request.login)
        metadata["requested"] = Self.text(request.requestedAccount)
        metadata["remote_address"] = Self.text(request.remoteAddress)
        metadata["executable"] = Self.text(errand.program)
        return metadata
    }

    private func metadata(of process: LaunchedProcess) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "pid": "\(process.processID.rawValue)", "uid": "\(process.identity.account.userID.rawValue)",
            "backend": "\(process.report.backend)",
        ]
        metadata["account"] = Self.text(process.identity.account.name.spelling)
        return metadata
    }

    private static func text(_ text: String?) -> Logger.MetadataValue? {
        text.map { .string($0.shortened(to: textLimit).escapingUnprintable) }
    }
}
