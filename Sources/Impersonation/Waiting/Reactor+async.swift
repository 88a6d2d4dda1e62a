import Synchronization
import SystemPackage

extension Reactor {
    /// How an asynchronous wait came to its end.
    enum Ending: Sendable {
        /// The descriptor has something to say.
        case ready

        /// The deadline passed first.
        case deadlineExceeded

        /// The task was cancelled, and whoever waited gave up.
        case cancelled
    }

    private struct Wait {
        var isGivenUp = false
        var entry: (ticket: Ticket, continuation: CheckedContinuation<Result<Ending, Errno>, Never>)?
    }

    /// Waits for a while, also in a task that is cancelled.
    ///
    /// - Parameter duration: How long.
    func pause(_ duration: Duration) async {
        await withCheckedContinuation { continuation in
            _ = alarm(at: .now + duration) { continuation.resume() }
        }
    }

    /// Waits once for a descriptor without blocking the calling thread.
    ///
    /// - Parameters:
    ///   - descriptor: What to wait for; it has to stay open until this returns.
    ///   - interest: What it is waited for.
    ///   - deadline: When the waiting ends at the latest.
    ///   - givesUp: Called once when the task is cancelled, on any thread. Returns whether the waiting ends with it.
    /// - Returns: How the waiting ended.
    /// - Throws: `Errno` of `epoll_ctl(2)`.
    func ready(
        _ descriptor: Int32,
        _ interest: Interest,
        until deadline: ContinuousClock.Instant?,
        whenCancelled givesUp: @escaping @Sendable () -> Bool = { false }
    ) async throws(Errno) -> Ending {
        let state = Mutex(Wait())
        let result: Result<Ending, Errno> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early = state.withLock { state -> Result<Ending, Errno>? in
                    guard !state.isGivenUp else { return .success(.cancelled) }
                    do throws(Errno) {
                        let ticket = try wait(for: descriptor, interest, until: deadline) { outcome in
                            continuation.resume(returning: .success(outcome == .ready ? .ready : .deadlineExceeded))
                        }
                        state.entry = (ticket, continuation)
                        return nil
                    } catch {
                        return .failure(error)
                    }
                }
                if let early { continuation.resume(returning: early) }
            }
        } onCancel: {
            guard givesUp() else { return }
            let entry = state.withLock { state in
                state.isGivenUp = true
                return state.entry
            }
            // Whoever takes the request off the list answers for it.
            guard let entry, cancel(entry.ticket) else { return }
            entry.continuation.resume(returning: .success(.cancelled))
        }
        return try result.get()
    }
}
