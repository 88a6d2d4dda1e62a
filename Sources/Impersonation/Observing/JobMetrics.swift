import Metrics
import Synchronization

/// What is counted and measured of launches and of jobs, for whichever metrics backend the host has.
///
/// This file and ``LookupObserver`` are the only ones that name a metric. Every metric always has the same dimensions, and each of them takes few
/// values: never a name of an account, a login, a path or a number of a process, which would both tell on people and make a
/// time series for each of them.
///
/// | label | kind | dimensions |
/// |---|---|---|
/// | `impersonation.launches` | counter | `backend`, `outcome`, `step` |
/// | `impersonation.launch.duration` | timer | `backend` |
/// | `impersonation.adoptions` | counter | `backend`, `outcome`, `step` |
/// | `impersonation.jobs.running` | meter | `backend` |
/// | `impersonation.job.duration` | timer | `backend`, `end` |
/// | `impersonation.kills` | counter | `backend`, `request` |
///
/// The article <doc:Metrics> says what each of them means.
final class JobMetrics: Sendable {
    /// Which of the two ways the host ended a job by.
    enum Kill: String, Hashable {
        /// ``LaunchedProcess/terminate(gracePeriod:)``.
        case terminate

        /// `SIGKILL` by ``LaunchedProcess/send(_:to:)``.
        case kill
    }

    /// What a dimension says when there is nothing to say.
    private static let nothing = "none"

    private let factory: any MetricsFactory

    /// Kept, because a factory without meters makes one that counts for itself.
    private let running = Mutex<[LaunchBackend: Meter]>([:])

    /// Takes the factory that makes the metrics.
    init(factory: any MetricsFactory) {
        self.factory = factory
    }

    /// A job was started.
    func started(_ report: LaunchReport) {
        count("started", backend: report.backend)
        timer("impersonation.launch.duration", [("backend", report.backend.description)])
            .record(duration: report.startTime)
        meter(report.backend).increment()
    }

    /// A job of an earlier daemon was taken over.
    func adopted(_ report: LaunchReport) {
        count("adopted", backend: report.backend, isAdoption: true)
        meter(report.backend).increment()
    }

    /// A job was kept from running, or from being taken over, by a rule (`denied`) or a credential (`badlogin`).
    func refused(_ outcome: String, isAdoption: Bool) {
        count(outcome, backend: nil, isAdoption: isAdoption)
    }

    /// A job could not be started, or taken over.
    func failed(_ error: ImpersonationError, backend: LaunchBackend?, isAdoption: Bool) {
        let step = error.launchError?.step.description ?? error.code.description
        count("failed", backend: backend, step: step, isAdoption: isAdoption)
    }

    /// A job has ended.
    ///
    /// - Parameters:
    ///   - backend: The backend that started it.
    ///   - status: How it ended, if that is known.
    ///   - wallTime: How long it ran.
    func ended(_ backend: LaunchBackend, _ status: TerminationStatus?, after wallTime: Duration) {
        let end =
            switch status {
            case .exited(0): "success"
            case .exited: "failure"
            case .signaled: "signal"
            case nil: "unknown"
            }
        timer("impersonation.job.duration", [("backend", backend.description), ("end", end)]).record(duration: wallTime)
        meter(backend).decrement()
    }

    /// The host has ended a job.
    func killed(_ backend: LaunchBackend, by request: Kill) {
        let dimensions = [("backend", backend.description), ("request", request.rawValue)]
        Counter(label: "impersonation.kills", dimensions: dimensions, factory: factory).increment()
    }

    private func count(
        _ outcome: String,
        backend: LaunchBackend?,
        step: String = nothing,
        isAdoption: Bool = false
    ) {
        let dimensions = [
            ("backend", backend?.description ?? Self.nothing), ("outcome", outcome), ("step", step),
        ]
        let label = isAdoption ? "impersonation.adoptions" : "impersonation.launches"
        Counter(label: label, dimensions: dimensions, factory: factory).increment()
    }

    private func timer(_ label: String, _ dimensions: [(String, String)]) -> Timer {
        Timer(label: label, dimensions: dimensions, factory: factory)
    }

    private func meter(_ backend: LaunchBackend) -> Meter {
        running.withLock { running in
            if let meter = running[backend] { return meter }
            let meter = Meter(
                label: "impersonation.jobs.running",
                dimensions: [("backend", backend.description)],
                factory: factory
            )
            running[backend] = meter
            return meter
        }
    }
}
