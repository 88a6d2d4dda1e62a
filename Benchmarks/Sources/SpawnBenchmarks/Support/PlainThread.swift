import Glibc
import Synchronization

/// A thread as a C daemon has them: no signal blocked, nothing of the Swift or Dispatch runtime on it.
///
/// The pool's threads block almost every signal, and a blocked SIGCHLD costs half a launch: the kernel cannot drop it and
/// wakes the main thread instead. A synchronous row measured there would look slower than it is.
enum PlainThread {
    private final class Work: Sendable {
        private let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }

        func run() {
            body()
        }
    }

    /// Runs a function on a new thread and waits for it without blocking the caller's.
    static func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        let result: Result<R, any Error> = await withCheckedContinuation { continuation in
            let code = start { continuation.resume(returning: Result { try body() }) }
            if code != 0 {
                continuation.resume(returning: .failure(BenchmarkError("no thread could be started (errno \(code))")))
            }
        }
        return try result.get()
    }

    /// Runs a function on a new thread.
    ///
    /// - Returns: 0, or why there is none.
    static func start(_ body: @escaping @Sendable () -> Void) -> CInt {
        let pointer = unsafe Unmanaged.passRetained(Work(body)).toOpaque()
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                var none = sigset_t()
                unsafe sigemptyset(&none)
                unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
                unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            pointer
        )
        if code == 0 { pthread_detach(thread) } else { unsafe Unmanaged<Work>.fromOpaque(pointer).release() }
        return code
    }
}
