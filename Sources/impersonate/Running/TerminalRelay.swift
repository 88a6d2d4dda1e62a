import Dispatch
import Glibc
import Impersonation
import Synchronization
import SystemPackage

/// Stands between the terminal of this tool and that of a command: keys, text and size go through as they are.
///
/// The tool's terminal is made raw, so that it neither echoes nor interrupts: what a key means is the command's terminal's
/// to say. It is as it was when the command has ended.
final class TerminalRelay: Sendable {
    private struct Running {
        let terminal: PseudoTerminal
        let showing: Task<Void, Never>
        let typing: Task<Void, Never>
        /// Closed when no more keys are wanted.
        let wake: FileDescriptor
    }

    private static let chunk = 4_096

    private let former: termios
    private let running = Mutex<Running?>(nil)

    /// Looks at the tool's terminal.
    ///
    /// - Throws: ``ToolFailure`` when the tool has none.
    init() throws(ToolFailure) {
        var settings = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &settings) == 0, isatty(STDOUT_FILENO) == 1 else {
            throw ToolFailure(
                "noTerminal",
                "--tty hands this tool's terminal on, and standard input or output is none; leave --tty out"
            )
        }
        former = settings
    }

    /// The terminal for the command: of the same size and type as the tool's.
    var described: JobTerminal {
        let size = PseudoTerminal.size(of: .standardOutput) ?? (rows: 24, columns: 80)
        let type = unsafe getenv("TERM").map { unsafe String(cString: $0) }
        return .pseudoterminal(rows: size.rows, columns: size.columns, type: type?.isEmpty == true ? nil : type)
    }

    /// Begins to hand on.
    ///
    /// - Parameter terminal: The command's.
    func start(_ terminal: PseudoTerminal) {
        guard let (ended, wake) = try? FileDescriptor.pipe() else { return terminal.close() }
        var raw = former
        unsafe cfmakeraw(&raw)
        // What was typed before is kept.
        unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)

        let typing = Task {
            defer { try? ended.close() }
            while let keys = await Self.onThread({ Self.keys(until: ended) }) {
                // The tool's terminal is gone, and so is the command's.
                guard !keys.isEmpty else { return terminal.close() }
                guard (try? await terminal.input.write(keys)) != nil else { return }
            }
        }
        let showing = Task {
            var chunks = terminal.output.makeAsyncIterator()
            while let chunk = try? await chunks.next() {
                // A terminal may be stopped, so a thread waits for it.
                let isShown = await Self.onThread { (try? FileDescriptor.standardOutput.writeAll(chunk)) != nil }
                guard isShown else { break }
            }
            terminal.close()
        }
        running.withLock {
            $0 = Running(terminal: terminal, showing: showing, typing: typing, wake: wake)
        }
        // It may have changed since the command was described.
        followSize()
    }

    /// Shows what the command wrote last: its terminal ends with it, whatever it has left behind.
    ///
    /// It takes as long as the tool's own terminal takes to show it.
    func showRest() async {
        await running.withLock { $0 }?.showing.value
    }

    /// Puts the tool's terminal back.
    func finish() async {
        guard let running = running.withLock({ $0.take() }) else { return }
        running.terminal.close()
        try? running.wake.close()
        await running.typing.value
        var settings = former
        unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    }

    /// Gives the command's terminal the size of the tool's.
    func followSize() {
        guard let terminal = running.withLock({ $0?.terminal }),
            let size = PseudoTerminal.size(of: .standardOutput)
        else { return }
        try? terminal.resize(rows: size.rows, columns: size.columns)
    }

    /// Waits for keys.
    ///
    /// - Returns: The keys; none when the terminal is gone, and `nil` when no more are wanted.
    private static func keys(until ended: FileDescriptor) -> [UInt8]? {
        var events = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ended.rawValue, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            guard unsafe poll(&events, nfds_t(events.count), -1) >= 0 || errno == EINTR else { return nil }
            guard events[1].revents == 0 else { return nil }
            guard events[0].revents != 0 else { continue }
            var buffer = [UInt8](repeating: 0, count: chunk)
            let count = unsafe read(STDIN_FILENO, &buffer, buffer.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            return Array(buffer.prefix(max(count, 0)))
        }
    }

    /// Runs what may block on a thread that may.
    private static func onThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: body()) }
        }
    }
}
