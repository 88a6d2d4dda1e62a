public import ServiceLifecycle
public import UnixSignals

/// A worker as a service of swift-service-lifecycle: it ends with its group, and its jobs end before it.
///
/// - A graceful shutdown, which the first SIGTERM or SIGINT is: no new job is taken; the jobs that run have the worker's grace
///   period, and are then ended as a whole, `SIGTERM` before `SIGKILL`.
/// - The second signal, or a cancellation of the group: every job is killed at once, as a whole.
///
/// Either way the end of every job is in its result and in the audit log before the service returns.
public struct WorkerService: Service {
    private let worker: Worker
    private let once: Bool
    private let signals: UnixSignalsSequence

    /// The signals that end a worker; the group has to take them for graceful shutdowns.
    public static let shutdownSignals: [UnixSignal] = [.sigterm, .sigint]

    /// Creates a service.
    ///
    /// The group knows one shutdown by signals, so the service counts them itself, from here on.
    ///
    /// - Parameters:
    ///   - worker: The worker.
    ///   - once: Whether to end when everything that is in the spool has run.
    public init(_ worker: Worker, once: Bool = false) async {
        self.worker = worker
        self.once = once
        signals = await UnixSignalsSequence(trapping: Self.shutdownSignals)
    }

    /// Runs the worker until it is told to end.
    ///
    /// - Throws: ``SpoolError`` when the spool cannot be read any more.
    public func run() async throws {
        let impatience = Task {
            for await _ in signals.dropFirst() { worker.stopAtOnce() }
        }
        defer { impatience.cancel() }
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await worker.run(once: once)
            } onGracefulShutdown: {
                worker.stop()
            }
        } onCancel: {
            worker.stopAtOnce()
        }
    }
}
