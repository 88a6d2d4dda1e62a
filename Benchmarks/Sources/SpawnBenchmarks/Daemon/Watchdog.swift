import Synchronization

/// Waits for work that may never end.
enum Watchdog {
    /// How the work ended.
    enum Outcome<Value: Sendable>: Sendable {
        case ended(Result<Value, any Error>)

        /// It did not end in time, and goes on.
        case hung
    }

    /// Runs work and waits for it, but no longer than a limit.
    ///
    /// - Parameters:
    ///   - limit: How long to wait.
    ///   - work: What is run; nobody cancels it.
    /// - Returns: How it ended, if it did.
    static func run<Value: Sendable>(
        limit: Duration,
        _ work: @escaping @Sendable () async throws -> Value
    ) async -> Outcome<Value> {
        await withCheckedContinuation { continuation in
            let first = FirstAnswer(continuation)
            let timer = Task.detached {
                try await Task.sleep(for: limit)
                first.give(.hung)
            }
            Task.detached {
                let result: Result<Value, any Error>
                do {
                    result = .success(try await work())
                } catch {
                    result = .failure(error)
                }
                timer.cancel()
                first.give(.ended(result))
            }
        }
    }

    /// Resumes a continuation with the first of two answers.
    private final class FirstAnswer<Value: Sendable>: Sendable {
        private let continuation: Mutex<CheckedContinuation<Outcome<Value>, Never>?>

        init(_ continuation: CheckedContinuation<Outcome<Value>, Never>) {
            self.continuation = Mutex(continuation)
        }

        func give(_ answer: Outcome<Value>) {
            let waiting = continuation.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            waiting?.resume(returning: answer)
        }
    }
}
