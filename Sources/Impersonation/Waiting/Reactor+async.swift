import SystemPackage

extension Reactor {
    /// Waits for a descriptor without holding a thread.
    ///
    /// Cancelling the calling task does not end the waiting; it calls `onCancel`, which is to bring about what is
    /// waited for.
    ///
    /// - Parameters:
    ///   - descriptor: What to wait for; it stays open until the call returns.
    ///   - interest: What it is waited for.
    ///   - deadline: When the waiting ends at the latest.
    ///   - onCancel: Called at most once, when the calling task is cancelled.
    /// - Returns: Whether the descriptor was ready or the deadline passed.
    /// - Throws: `Errno` of `epoll_ctl(2)`.
    func ready(
        _ descriptor: Int32,
        _ interest: Interest,
        until deadline: ContinuousClock.Instant?,
        onCancel: @escaping @Sendable () -> Void = {}
    ) async throws(Errno) -> Outcome {
        let result: Result<Outcome, Errno> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                do throws(Errno) {
                    try wait(for: descriptor, interest, until: deadline) { outcome in
                        continuation.resume(returning: .success(outcome))
                    }
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        } onCancel: {
            onCancel()
        }
        return try result.get()
    }
}
