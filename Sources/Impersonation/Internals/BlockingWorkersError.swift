/// Why ``BlockingWorkers`` gave no result.
enum BlockingWorkersError: Error, Sendable, Hashable {
    /// The work was under way when its deadline passed; it is left to finish and its result is dropped.
    case deadlineExceeded

    /// The work was never started: every thread is taken, or none could be made.
    case saturated

    /// The awaiting task was cancelled; work under way is left to finish and its result is dropped.
    case cancelled
}
