import CCapability
import Dispatch
import Glibc
import Synchronization

/// The thread that the program began on: it has nothing to do but to take the signals that nobody catches.
///
/// `dispatchMain()` would end it, and have the rest of it wait in `sigsuspend(2)`, where no signal can be kept from it. The
/// other threads of the tool block all but `SIGPIPE`, `SIGPROF` and those of faults.
enum MainThread {
    private static let requests = Mutex<[@Sendable () -> Void]>([])
    private static let counter = DispatchSemaphore(value: 0)
    private static let isServed = Atomic(false)

    /// Says that the thread is going to serve the calls below; to be called before anything else runs.
    static func willServe() { isServed.store(true, ordering: .sequentiallyConsistent) }

    /// Serves the calls below until the process ends; to be called on the thread itself.
    ///
    /// Nothing is blocked that whoever started the tool may have blocked: it would not end by it.
    static func serve() -> Never {
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
        while true {
            counter.wait()
            requests.withLock { $0.removeFirst() }()
        }
    }

    /// Keeps a signal from this thread, or lets it through.
    ///
    /// Nothing where the thread is somebody else's, as in a process of tests: nobody would ever answer.
    static func block(_ signal: Int32, _ isBlocked: Bool = true) {
        guard isServed.load(ordering: .sequentiallyConsistent) else { return }
        let done = DispatchSemaphore(value: 0)
        requests.withLock { requests in
            requests.append {
                var mask = sigset_t()
                unsafe sigemptyset(&mask)
                unsafe sigaddset(&mask, signal)
                unsafe pthread_sigmask(isBlocked ? SIG_BLOCK : SIG_UNBLOCK, &mask, nil)
                done.signal()
            }
        }
        counter.signal()
        done.wait()
    }
}
