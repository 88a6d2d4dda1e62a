/// What makes a worker look around.
public enum WorkerEvent: Sendable, Hashable {
    /// Something came into the spool.
    case spoolChanged

    /// A job has ended.
    case jobEnded

    /// Somebody wants the worker to end. The first takes no new job and lets those that run end; the second tells them
    /// to end; the third ends them.
    case stop
}
