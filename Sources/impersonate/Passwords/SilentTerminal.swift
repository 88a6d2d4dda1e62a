import Glibc
import Impersonation
import Synchronization
import SystemPackage

/// The terminal that is standard input while a password is typed: it shows nothing.
///
/// It is as it was afterwards, also when a signal ends the tool meanwhile, and whenever the tool is stopped; a tool that is
/// continued takes the echo off again before it asks again. What was typed before the question, and what a line that is too long
/// has left, is nobody's to read.
final class SilentTerminal {
    private let state: State
    private let signals: ReceivedSignals
    private let stop: PendingStop

    /// Asks, and stops showing what is typed; `nil` when standard input is no terminal.
    ///
    /// A tool in the background is stopped until it is in the foreground.
    ///
    /// - Parameter prompt: What is shown.
    /// - Throws: `CredentialStoreError` when the terminal cannot be kept from showing it.
    init?(prompt: String) throws(CredentialStoreError) {
        guard isatty(STDIN_FILENO) == 1 else { return nil }
        state = State(prompt: prompt)
        do throws(Errno) {
            signals = try ReceivedSignals(Self.ending + [Self.goOn]) { [state] in state.receive($0) }
        } catch {
            state.end()
            throw Self.error(error)
        }
        do throws(Errno) {
            stop = try PendingStop()
        } catch {
            state.end()
            signals.end()
            throw Self.error(error)
        }
        stop.begin { [state] in state.stop() }
        do throws(Errno) {
            try state.silence()
        } catch {
            putBack()
            throw Self.error(error)
        }
    }

    /// Shows what is typed again.
    func putBack() {
        // In this order: a signal that is caught no more ends or stops the tool at once.
        state.end()
        signals.end()
        stop.end()
    }

    private static func error(_ cause: Errno) -> CredentialStoreError {
        CredentialStoreError(
            .unavailable,
            message: "the terminal cannot be kept from showing the password: \(cause); give it another standard input"
        )
    }

    /// The signals that end a program, and that somebody sends while a password is typed.
    static let ending = ReceivedSignals.handled + [SIGALRM, SIGUSR1, SIGUSR2].map(Signal.init(rawValue:))
    static let goOn = Signal(rawValue: SIGCONT)

    /// The terminal and who may set it, one after the other.
    private final class State: Sendable {
        private struct Settings {
            /// What they were, and `nil` as long as nothing was changed.
            var former: termios?
            /// Those that are changed here, as they were at first.
            var echo: tcflag_t?
            var isOver = false
            var wasAsked = false
        }

        private let prompt: String
        private let settings = Mutex(Settings())
        private let ending: [Int32]
        private let ignoresPipe = ReceivedSignals.isIgnored(Signal(rawValue: SIGPIPE))

        init(prompt: String) {
            self.prompt = prompt
            ending = SilentTerminal.ending.filter { !ReceivedSignals.isIgnored($0) }.map(\.rawValue)
            // Nobody may read the prompt any more, and the tool is not to end by that while the echo is off.
            signal(SIGPIPE, SIG_IGN)
        }

        /// Takes the echo off and asks.
        func silence() throws(Errno) {
            try settings.withLock { settings throws(Errno) in try silence(&settings) }
        }

        /// Puts the terminal back for good.
        func end() {
            settings.withLock { settings in
                restore(&settings)
                settings.isOver = true
            }
            if !ignoresPipe { signal(SIGPIPE, SIG_DFL) }
        }

        /// What a signal that is caught does.
        func receive(_ signal: Signal) {
            settings.withLock { settings in
                guard !settings.isOver else {
                    if signal != SilentTerminal.goOn { JobControl.raise(signal.rawValue) }
                    return
                }
                guard signal == SilentTerminal.goOn else {
                    restore(&settings)
                    JobControl.raise(signal.rawValue)
                    return
                }
                // Whoever had the terminal meanwhile may have made it show what is typed.
                guard !isSilent else { return }
                settings.former = nil
                JobControl.allowing(ending) { try? JobControl.awaitForeground() }
                ask(&settings)
            }
        }

        /// Stops as the key for it has asked, unless somebody has continued this process since.
        func stop() {
            settings.withLock { settings in
                // Whoever has continued this process has taken the stop back; what is to be done then is done for that.
                guard !settings.isOver, JobControl.isPending(SIGTSTP) else { return }
                restore(&settings)
                // The terminal is as it was, so nothing has to be caught until it is silent again.
                JobControl.allowing(ending) {
                    // In a group that nobody could continue, the kernel stops nobody.
                    JobControl.allowing([SIGTSTP]) {}
                    try? JobControl.awaitForeground()
                }
                ask(&settings)
            }
        }

        /// Asks again; a tool that cannot is ended, for it stands in a read that would be shown.
        private func ask(_ settings: inout Settings) {
            do throws(Errno) {
                try silence(&settings)
            } catch {
                restore(&settings)
                JobControl.raise(SIGTERM)
            }
        }

        private func silence(_ settings: inout Settings) throws(Errno) {
            try JobControl.awaitForeground()
            var former = try JobControl.settings()
            // A shell that takes the terminal at a stop may be faster than this process, and set it from what it is now.
            let changed = tcflag_t(ECHO) | tcflag_t(ECHONL)
            let echo = settings.echo ?? (former.c_lflag & changed)
            settings.echo = echo
            former.c_lflag = former.c_lflag & ~changed | echo
            var silent = former
            silent.c_lflag &= ~tcflag_t(ECHO)
            silent.c_lflag |= tcflag_t(ECHONL)
            settings.former = former
            try JobControl.set(silent)
            // It is a success also when some of the settings alone were made (tcsetattr(3)).
            guard isSilent else { throw .ioError }
            _ = try? FileDescriptor.standardError.writeAll("\(settings.wasAsked ? "\n" : "")\(prompt)".utf8)
            settings.wasAsked = true
        }

        private var isSilent: Bool {
            guard let current = try? JobControl.settings() else { return false }
            return current.c_lflag & tcflag_t(ECHO) == 0 && current.c_lflag & tcflag_t(ECHONL) != 0
        }

        private func restore(_ settings: inout Settings) {
            // In the background the terminal is somebody else's, who has set it as he needs it.
            if let former = settings.former, JobControl.isInForeground { try? JobControl.set(former) }
            settings.former = nil
        }
    }
}
