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

    private let source: (any DispatchSourceRead)?
    private let received: [Signal]

    /// Begins to receive.
    ///
    /// They stay pending until they are read, so that none is lost before the queue listens: a source of signals of the library
    /// (`DispatchSource.makeSignalSource`) begins to catch one some time later, and never again what was given up once.
    ///
    /// - Parameters:
    ///   - wanted: The signals.
    ///   - receive: Called with each signal, on a queue of its own.
    /// - Throws: `Errno` of `signalfd(2)`; nothing is received then.
    init(_ wanted: [Signal], _ receive: @escaping @Sendable (Signal) -> Void) throws(Errno) {
        // Whoever started the tool may ignore the end of children; the kernel would then keep no exit status.
        signal(SIGCHLD, SIG_DFL)
        received = wanted.filter { !Self.isIgnored($0) }
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        for signal in received { unsafe sigaddset(&mask, signal.rawValue) }
        let number = unsafe signalfd(-1, &mask, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard number >= 0 else { throw Errno(rawValue: errno) }
        for signal in received { MainThread.block(signal.rawValue) }
        let source = DispatchSource.makeReadSource(fileDescriptor: number, queue: DispatchQueue(label: "signals"))
        source.setEventHandler {
            while let signal = Self.next(number) { receive(signal) }
        }
        source.setCancelHandler { close(number) }
        source.activate()
        self.source = source
    }

    /// Receives no more: the signals do what they did before, those that are pending at once.
    func end() {
        source?.cancel()
        for signal in received { MainThread.block(signal.rawValue, false) }
    }

    /// Takes a signal that is pending, if there is one.
    private static func next(_ descriptor: Int32) -> Signal? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(descriptor, &information, size) == size else { return nil }
        return Signal(rawValue: Int32(information.ssi_signo))
    }

    /// Whether whoever started the tool has it ignore a signal; to be asked before that is received.
    static func isIgnored(_ signal: Signal) -> Bool {
        ProcessStatus.own.contains(signal, in: "SigIgn")
    }
}
