import Dispatch
import Glibc
import Impersonation

/// The signals this tool receives and hands on.
///
/// A signal that was ignored when the tool started stays ignored: that is what `nohup(1)` is for.
final class ReceivedSignals {
    /// The signals that are handed on.
    static let handled: [Signal] = [.hangup, .interrupt, .quit, .terminate]

    /// The tool's terminal has another size.
    static let windowChange = Signal(rawValue: SIGWINCH)

    private let sources: [any DispatchSourceSignal]
    private let caught: [Signal]

    /// Begins to receive.
    ///
    /// - Parameters:
    ///   - received: The signals.
    ///   - receive: Called with each signal, on a queue of its own.
    init(_ received: [Signal], _ receive: @escaping @Sendable (Signal) -> Void) {
        // Whoever started the tool may ignore the end of children; the kernel would then keep no exit status.
        signal(SIGCHLD, SIG_DFL)
        let queue = DispatchQueue(label: "signals")
        caught = received.filter { !Self.isIgnored($0) }
        sources =
            caught
            .map { handled in
                // The source sees the signal only; without this it would end the tool as well.
                signal(handled.rawValue, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: handled.rawValue, queue: queue)
                source.setEventHandler { receive(handled) }
                source.activate()
                return source
            }
    }

    /// Receives no more: the signals do what they did before.
    func end() {
        for source in sources { source.cancel() }
        for ended in caught { signal(ended.rawValue, SIG_DFL) }
    }

    /// Whether whoever started the tool has it ignore a signal; to be asked before that is received.
    static func isIgnored(_ signal: Signal) -> Bool {
        ProcessStatus.own.contains(signal, in: "SigIgn")
    }
}
