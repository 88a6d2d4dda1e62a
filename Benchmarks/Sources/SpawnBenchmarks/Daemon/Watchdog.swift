import Glibc
import Synchronization

/// Waits for work that may never end.
enum Watchdog {
    /// How the work ended.
    enum Outcome<Value: Sendable>: Sendable {
        case ended(Result<Value, any Error>)

        /// It did not end in time, and goes on.
        case hung
    }

    /// With what this process ends where nobody can be told any more.
    static let standstill: Int32 = 70

    /// Runs work and waits for it, but no longer than a limit.
    ///
    /// Where all threads of the pool stand still, whoever waits here does as well: this process ends then, and says so.
    ///
    /// - Parameters:
    ///   - limit: How long to wait.
    ///   - poolLimit: How long the pool may take to go on with whoever waits.
    ///   - work: What is run; nobody cancels it.
    /// - Returns: How it ended, if it did.
    static func run<Value: Sendable>(
        limit: Duration,
        poolLimit: Duration = .seconds(60),
        _ work: @escaping @Sendable () async throws -> Value
    ) async -> Outcome<Value> {
        let end = Deadlines.shared.set(limit + poolLimit) { endProcess(after: poolLimit) }
        defer { Deadlines.shared.remove(end) }
        return await withCheckedContinuation { continuation in
            let first = FirstAnswer(continuation)
            let deadline = Deadlines.shared.set(limit) { first.give(.hung) }
            Task.detached {
                let result: Result<Value, any Error>
                do {
                    result = .success(try await work())
                } catch {
                    result = .failure(error)
                }
                Deadlines.shared.remove(deadline)
                first.give(.ended(result))
            }
        }
    }

    private static func endProcess(after limit: Duration) {
        let text = "spawn-benchmarks: FAILED: the threads of Swift's pool stand still, for \(limit) by now\n"
        _ = unsafe text.utf8CString.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count - 1) }
        _exit(standstill)
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
