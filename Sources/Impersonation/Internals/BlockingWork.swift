/// One piece of work for ``BlockingWorkers``, its type erased.
struct BlockingWork: Sendable {
    /// When its caller stops waiting.
    let deadline: MonotonicTime?

    /// Whether anybody still waits for the result.
    let isWanted: @Sendable () -> Bool

    /// Does the work and hands its result over.
    let execute: @Sendable () -> Void

    /// Tells the caller that there will be no result.
    let fail: @Sendable (BlockingWorkersError) -> Void
}
