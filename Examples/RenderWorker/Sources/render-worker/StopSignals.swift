import Dispatch
import Glibc

/// SIGTERM and SIGINT, as events.
final class StopSignals {
    private static let numbers = [SIGTERM, SIGINT]

    private let sources: [any DispatchSourceSignal]

    /// Keeps the two from ending the process, in this thread and in every one it starts from now on.
    ///
    /// Jobs do not inherit it: a launcher gives each an empty signal mask.
    static func block() {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in numbers { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Calls a function for every one of the two that comes.
    init(_ received: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue(label: "signals")
        sources = Self.numbers.map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler(handler: received)
            source.activate()
            return source
        }
    }

    deinit {
        for source in sources { source.cancel() }
    }
}
