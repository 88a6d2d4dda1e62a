/// What makes a worker look around.
public enum WorkerEvent: Sendable, Hashable {
    /// Something came into the spool.
    case spoolChanged

    /// A job has ended.
    case jobEnded

    /// Somebody wants the worker to end: no new job is taken, and those that run have a while to end.
    case stop

    /// The while is over: the jobs that still run are told to end, and killed when they do not.
    case timeIsUp

    /// Somebody wants the worker to end now: every job is killed.
    case stopAtOnce
}
