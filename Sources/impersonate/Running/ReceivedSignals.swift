import CCapability
import Dispatch
import Glibc
import Impersonation
import SystemPackage

/// The signals this tool receives and hands on.
///
/// A signal that was ignored when the tool started stays ignored: that is what `nohup(1)` is for.
final class ReceivedSignals {
    /// The signals that are handed on.
    static let handled: [Signal] = [.hangup, .interrupt, .quit, .terminate]

    /// The tool's terminal has another size.
    static let windowChange = Signal(rawValue: SIGWINCH)

    /// Those that have come and that nobody has taken yet: the process has them pending.
    struct Waiting: Sendable {
        fileprivate let descriptor: Int32

        /// Takes one, if there is one.
        func next() -> Signal? {
            var information = signalfd_siginfo()
            let size = MemoryLayout<signalfd_siginfo>.size
            guard unsafe read(descriptor, &information, size) == size else { return nil }
            return Signal(rawValue: Int32(information.ssi_signo))
        }
    }

    private let source: any DispatchSourceRead
    private let queue: DispatchQueue
    private let received: [Signal]

    /// Begins to receive.
    ///
    /// They stay pending until they are read, so that none is lost before the queue listens: a source of signals of the library
    /// (`DispatchSource.makeSignalSource`) begins to catch one some time later, and never again what was given up once.
    ///
    /// - Parameters:
    ///   - wanted: The signals.
    ///   - queue: Where it is told of them.
    ///   - hear: Called when there are some. Those that it leaves stay pending, and it is called again.
    /// - Throws: `Errno` of `signalfd(2)`; nothing is received then.
    init(
        _ wanted: [Signal],
        on queue: DispatchQueue = DispatchQueue(label: "signals"),
        _ hear: @escaping @Sendable (Waiting) -> Void
    ) throws(Errno) {
        // Whoever started the tool may ignore the end of children; the kernel would then keep no exit status.
        signal(SIGCHLD, SIG_DFL)
        // What is blocked is pending also while it is ignored (sig_ignored() of the kernel), and SIGCONT continues either way: somebody
        // has to be told.
        received = wanted.filter { $0.rawValue == SIGCONT || !Self.isIgnored($0) }
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        for signal in received { unsafe sigaddset(&mask, signal.rawValue) }
        let number = unsafe signalfd(-1, &mask, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard number >= 0 else { throw Errno(rawValue: errno) }
        for signal in received { MainThread.block(signal.rawValue) }
        let source = DispatchSource.makeReadSource(fileDescriptor: number, queue: queue)
        // Whoever has this object may forget it: it receives until it is told to end.
        source.setEventHandler { withExtendedLifetime(source) { hear(Waiting(descriptor: number)) } }
        source.setCancelHandler { close(number) }
        source.activate()
        self.source = source
        self.queue = queue
    }

    /// Receives no more: the signals do what they did before, those that are pending at once.
    ///
    /// What was heard before is dealt with when this returns, so nobody may call it who has what the closure waits for.
    func end() {
        source.cancel()
        queue.sync {}
        for signal in received { MainThread.block(signal.rawValue, false) }
    }

    /// Whether whoever started the tool has it ignore a signal; to be asked before that is received.
    static func isIgnored(_ signal: Signal) -> Bool {
        ProcessStatus.own.contains(signal, in: "SigIgn")
    }
}
