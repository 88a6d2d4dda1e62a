import CCapability
import Dispatch
import Glibc
import Impersonation
import SystemPackage

/// `SIGTSTP`, which stays pending until this process lets it through, so that something can be done before it stops.
///
/// Who catches it and stops himself afterwards stops for good when `SIGCONT` has come in between: a shell sees the stop of its own
/// child and goes on, while this process has not stopped yet. A stop that is pending is taken back by `SIGCONT`, as everywhere
/// (`signal(7)`, `prepare_signal` of the kernel).
final class PendingStop {
    private let descriptor: FileDescriptor?
    private var source: (any DispatchSourceRead)?

    /// Keeps the signal pending, unless whoever started the tool ignores it.
    ///
    /// - Throws: `Errno` of `signalfd(2)`.
    init() throws(Errno) {
        guard !ReceivedSignals.isIgnored(Signal(rawValue: SIGTSTP)) else {
            descriptor = nil
            return
        }
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        unsafe sigaddset(&mask, SIGTSTP)
        let number = unsafe signalfd(-1, &mask, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard number >= 0 else { throw Errno(rawValue: errno) }
        descriptor = FileDescriptor(rawValue: number)
        MainThread.block(SIGTSTP)
    }

    /// Begins to tell of it.
    ///
    /// - Parameter receive: Called on a queue of its own as long as the signal is pending; lets it through.
    func begin(_ receive: @escaping @Sendable () -> Void) {
        guard let descriptor else { return }
        // What can be read is not read: reading takes the signal away.
        let source = DispatchSource.makeReadSource(
            fileDescriptor: descriptor.rawValue,
            queue: DispatchQueue(label: "stop")
        )
        source.setEventHandler(handler: receive)
        source.setCancelHandler { try? descriptor.close() }
        source.activate()
        self.source = source
    }

    /// Lets it through again: a stop that is pending happens now.
    func end() {
        guard let descriptor else { return }
        if let source { source.cancel() } else { try? descriptor.close() }
        MainThread.block(SIGTSTP, false)
    }
}
