import Dispatch
import Glibc
import Impersonation
import Synchronization
import SystemPackage

/// The terminal that is standard input while a password is typed: it shows nothing.
///
/// It is as it was afterwards, also when one of ``ending`` ends the tool meanwhile, and whenever the key for it, `SIGTSTP`, stops
/// the tool. `SIGKILL`, `SIGPROF`, real-time signals and faults of the tool leave it silent, and so do `SIGSTOP`, and `SIGTTIN` and
/// `SIGTTOU` of others, until the tool goes on: nobody can do anything before them. A tool that is continued takes the echo off
/// again before it asks again. What was typed before the question, and what a line that is too long has left, is nobody's to read.
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
            signals = try ReceivedSignals(Self.ending + [Self.goOn]) { [state] in state.hear($0) }
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

    /// The signals that end a program, but for those that threads of libdispatch never block, and those that are faults.
    static let ending =
        ReceivedSignals.handled
        + [SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGIO, SIGPWR, SIGSTKFLT].map(Signal.init(rawValue:))
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
        private let prompts = DispatchQueue(label: "prompts")
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
            let text = try settings.withLock { settings throws(Errno) in try silence(&settings) }
            // Perhaps nobody reads it: whoever waits for that keeps no signal from putting the terminal back.
            prompts.sync { Self.show(text) }
        }

        private static func show(_ text: String) {
            _ = try? FileDescriptor.standardError.writeAll(text.utf8)
        }

        /// Puts the terminal back for good.
        func end() {
            settings.withLock { settings in
                restore(&settings)
                settings.isOver = true
            }
            if !ignoresPipe { signal(SIGPIPE, SIG_DFL) }
        }

        /// What signals do that are caught.
        ///
        /// Until this has the terminal they stay pending: whoever has it may be about to stop, or to let them through.
        func hear(_ signals: ReceivedSignals.Waiting) {
            settings.withLock { settings in
                while let signal = signals.next() { receive(signal, &settings) }
            }
        }

        private func receive(_ signal: Signal, _ settings: inout Settings) {
            guard signal == SilentTerminal.goOn else {
                restore(&settings)
                JobControl.raise(signal.rawValue)
            }
            // Whoever had the terminal meanwhile may have made it show what is typed.
            guard !settings.isOver, !isSilent else { return }
            settings.former = nil
            ask(&settings)
        }

        /// Stops as the key for it has asked, unless somebody has continued this process since.
        func stop() {
            settings.withLock { settings in
                // Whoever has continued this process has taken the stop back; what is to be done then is done for that.
                guard !settings.isOver, JobControl.isPending(SIGTSTP) else { return }
                restore(&settings)
                // The terminal is as it was, so nothing has to be caught until it is silent again. In a group that nobody could
                // continue, the kernel stops nobody.
                JobControl.allowing(ending) { JobControl.allowing([SIGTSTP]) {} }
                ask(&settings)
            }
        }

        /// Asks again; a tool that cannot is ended, for it stands in a read that would be shown.
        private func ask(_ settings: inout Settings) {
            do throws(Errno) {
                let text = try silence(&settings)
                prompts.async { Self.show(text) }
            } catch {
                restore(&settings)
                JobControl.raise(SIGTERM)
            }
        }

        private func silence(_ settings: inout Settings) throws(Errno) -> String {
            // The terminal is as it was, or somebody else's: nothing has to be caught.
            try JobControl.allowing(ending) { () throws(Errno) in try JobControl.awaitForeground() }
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
            defer { settings.wasAsked = true }
            return "\(settings.wasAsked ? "\n" : "")\(prompt)"
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
