/// A bounded number of own threads for calls that block and cannot be interrupted: NSS, PAM, `fsync(2)`, `clone(2)`.
///
/// The threads are made on demand, have every signal blocked and end after a while without work. A call that passes
/// its deadline keeps its thread until it returns, which may be minutes later or never; its caller gets
/// ``BlockingWorkersError/deadlineExceeded`` at once. When every thread is lost that way, everything that waits and
/// everything new fails with ``BlockingWorkersError/saturated`` at once until one returns: a hung service costs a
/// bounded number of threads, and nobody waits in vain.
///
/// Work is started in the order in which it was handed in. In the normal case a call costs two thread switches: to
/// the worker and back to the pool. Deadlines cost no timer: one watching thread sleeps until the earliest of them.
final class BlockingWorkers: Sendable {
    private let core: BlockingWorkersCore

    /// Creates the workers; no thread exists before the first call.
    ///
    /// - Parameters:
    ///   - name: The name of the threads in `/proc`, at most 15 bytes.
    ///   - maximumThreads: How many calls can be under way, those that are stuck included.
    ///   - idleTime: After how long without work a thread ends.
    init(name: String, maximumThreads: Int, idleTime: Duration = .seconds(30)) {
        core = BlockingWorkersCore(name: name, maximumThreads: max(1, maximumThreads), idleTime: idleTime)
    }

    deinit {
        core.close()
    }

    /// How many worker threads exist, and how many of them are stuck past a deadline.
    var threads: (existing: Int, stuck: Int) { core.threads }

    /// How many calls wait for a thread.
    var queued: Int { core.queued }

    /// Runs blocking work on a thread of its own and waits for the result without blocking the caller's thread.
    ///
    /// Cancelling the awaiting task ends the waiting, not the work: work that was not started is never started, work
    /// under way is left to finish and its result is dropped.
    ///
    /// - Parameters:
    ///   - deadline: How long the caller waits, from now; without one it waits as long as it takes.
    ///   - body: The work. It runs at most once; it must not rely on anybody waiting for its result.
    /// - Returns: What the work returned.
    /// - Throws: ``BlockingWorkersError`` when the caller stopped waiting or the work could not be started.
    func perform<Value: Sendable>(
        deadline: Duration?,
        _ body: @escaping @Sendable () -> Value
    ) async throws(BlockingWorkersError) -> Value {
        guard !Task.isCancelled else { throw .cancelled }
        return try await submit(deadline: deadline, body).value(orWhenCancelled: .failure(.cancelled)).get()
    }

    /// Runs blocking work on a thread of its own and waits for the result, also in a task that is cancelled: whoever
    /// cancels brings the end of the work about in another way.
    ///
    /// - Parameters:
    ///   - deadline: How long the caller waits, from now; without one it waits as long as it takes.
    ///   - body: The work. It runs at most once.
    /// - Returns: What the work returned, or why the caller stopped waiting.
    func performToTheEnd<Value: Sendable>(
        deadline: Duration?,
        _ body: @escaping @Sendable () -> Value
    ) async -> Result<Value, BlockingWorkersError> {
        await submit(deadline: deadline, body).value()
    }

    /// Runs work on a thread of the workers and blocks the calling one until that is done.
    ///
    /// For what has to be done by a thread that lasts, never on a thread of the concurrency pool.
    ///
    /// - Parameters:
    ///   - time: Until when the caller waits; without one, as long as it takes.
    ///   - body: The work. It runs at most once.
    /// - Returns: What the work returned, or why there is nothing.
    func performBlocking<Value: Sendable>(
        until time: MonotonicTime? = nil,
        _ body: @escaping @Sendable () -> Value
    ) -> Result<Value, BlockingWorkersError> {
        let outcome = Monitor<Result<Value, BlockingWorkersError>?>(nil)
        let isDone = MonitorCondition()
        @Sendable func settle(_ value: Result<Value, BlockingWorkersError>) {
            outcome.withLock { $0 = $0 ?? value }
            isDone.signal()
        }
        core.submit(
            BlockingWork(
                deadline: time,
                isWanted: { outcome.withLock { $0 == nil } },
                execute: { settle(.success(body())) },
                fail: { settle(.failure($0)) }
            )
        )
        return outcome.wait(on: isDone) { value, _ in
            value.map { .done($0) } ?? .sleep(until: .now + .seconds(3_600))
        }
    }

    private func submit<Value: Sendable>(
        deadline: Duration?,
        _ body: @escaping @Sendable () -> Value
    ) -> OneShot<Result<Value, BlockingWorkersError>> {
        let outcome = OneShot<Result<Value, BlockingWorkersError>>()
        core.submit(
            BlockingWork(
                deadline: deadline.map { MonotonicTime.now + $0 },
                isWanted: { !outcome.isSettled },
                execute: { outcome.settle(.success(body())) },
                fail: { outcome.settle(.failure($0)) }
            )
        )
        return outcome
    }
}
