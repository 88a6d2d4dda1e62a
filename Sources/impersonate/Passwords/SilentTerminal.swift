import Glibc
import Impersonation
import SystemPackage

/// The terminal that is standard input while a password is typed: it shows nothing.
///
/// It is as it was afterwards, also when a signal ends the tool meanwhile. What was typed before the question, and what a line that
/// is too long has left, is nobody's to read.
final class SilentTerminal {
    private let former: termios
    private let signals: ReceivedSignals

    /// Asks, and stops showing what is typed; `nil` when standard input is no terminal.
    ///
    /// - Parameter prompt: What is shown.
    init?(prompt: String) {
        var settings = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
        former = settings
        signals = ReceivedSignals(ReceivedSignals.handled + [Self.stop]) { [former] signal in
            // The key has thrown away what was typed before it, and there is no echo to see that by.
            guard signal != Self.stop else { return Self.show("\n\(prompt)") }
            Self.restore(former)
            Self.end(by: signal)
        }
        settings.c_lflag &= ~tcflag_t(ECHO)
        settings.c_lflag |= tcflag_t(ECHONL)
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
        Self.show(prompt)
    }

    /// Shows what is typed again.
    func putBack() {
        signals.end()
        Self.restore(former)
    }

    private static let stop = Signal(rawValue: SIGTSTP)

    private static func show(_ text: String) {
        _ = try? FileDescriptor.standardError.writeAll(text.utf8)
    }

    private static func restore(_ former: termios) {
        var settings = former
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
    }

    /// Ends this process as if the signal had not been caught.
    private static func end(by signal: Signal) {
        Glibc.signal(signal.rawValue, SIG_DFL)
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        unsafe sigaddset(&mask, signal.rawValue)
        unsafe pthread_sigmask(SIG_UNBLOCK, &mask, nil)
        raise(signal.rawValue)
    }
}
