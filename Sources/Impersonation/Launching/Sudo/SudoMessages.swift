import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// What `sudo` writes to its standard error: its reasons, and the prompt that the password is the answer to.
///
/// It is read on, so that `sudo` is not held up, and the beginning is kept. The account can write there as well, all the time
/// and for as long as it likes: nobody waits for that, and after ``enough`` it is closed. The kernel tells who has written
/// what, and only the words of `sudo` itself are a prompt or a refusal: it is a child that this process has not waited for yet, so that
/// nobody else has its number, and it is not the account as long as it has something to ask or to refuse.
final class SudoMessages: Sendable {
    private struct State {
        var sudo: Int32?
        var bytes: [UInt8] = []
        var wordsOfSudo: [UInt8] = []
        var total = 0
        var answer: (@Sendable () -> Void)?
        var surplus: (@Sendable () -> Void)?
        var prompts = 0
        var ticket: Reactor.Ticket?
        var isClosed = false
    }

    private static let limit = 8 * 1_024
    private static let chunk = 4 * 1_024
    private static let retryDelay = Duration.milliseconds(10)

    /// What no `sudo` writes.
    static let enough = 1_024 * 1_024

    /// What `sudo` is to prompt with: nobody writes it by accident.
    let prompt = "[impersonation \(UInt64.random(in: 0...UInt64.max))] "

    private let socket: SudoSocket
    private let account: UInt32
    private let reactor: Reactor
    private let state = Mutex(State())

    /// Takes the daemon's end over.
    ///
    /// - Parameters:
    ///   - socket: The socket whose other end is the standard error of `sudo`.
    ///   - account: The user id of the job.
    ///   - reactor: The one for what jobs write.
    init(_ socket: SudoSocket, of account: UInt32, on reactor: Reactor) {
        self.socket = socket
        self.account = account
        self.reactor = reactor
        // Whoever reads from its standard error finds the end.
        socket.endAnswers()
    }

    /// Begins to read.
    ///
    /// - Parameters:
    ///   - sudo: The process that is `sudo`.
    ///   - answer: Called once, at the first prompt.
    ///   - surplus: Called at a second one.
    func start(
        from sudo: Int32,
        answering answer: (@Sendable () -> Void)? = nil,
        orElse surplus: (@Sendable () -> Void)? = nil
    ) {
        state.withLock { state in
            state.sudo = sudo
            state.answer = answer
            state.surplus = surplus
        }
        wait()
    }

    /// Answers nobody any more: from now on others may write here.
    func stopAnswering() {
        state.withLock { state in
            state.answer = nil
            state.surplus = nil
        }
    }

    /// Reads no more: nobody is left who has something to say.
    func close() {
        stopAnswering()
        state.withLock { state in
            state.isClosed = true
            if let ticket = state.ticket.take() { reactor.cancel(ticket) }
        }
        socket.daemon.closeNow()
    }

    /// What was written so far, as one line that is safe to show, without the prompts.
    var text: String {
        drain()
        return line(state.withLock { $0.bytes })
    }

    /// Why `sudo` did not run the job: what it has written itself, and what others only where nobody gains by it.
    var refusal: SudoRefusal {
        drain()
        let (words, everything) = state.withLock { ($0.wordsOfSudo, $0.bytes) }
        // One answer is all it gets, so the second question is the refusal of the first.
        if prompts > 1 { return .wrongPassword }
        let refusal = SudoRefusal(message: line(words))
        return refusal == .other ? SudoRefusal(messageOfOthers: line(everything)) : refusal
    }

    private func line(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n")
            .map { line in
                line.hasPrefix(prompt) ? String(line.dropFirst(prompt.count)) : String(line)
            }
            .filter { !$0.allSatisfy(\.isWhitespace) }
            .joined(separator: "; ")
            .escapingUnprintable
            .shortened(to: 600)
    }

    /// How often a password was asked for.
    var prompts: Int { state.withLock { $0.prompts } }

    private func wait() {
        state.withLock { state in
            guard !state.isClosed else { return }
            do throws(Errno) {
                state.ticket = try reactor.wait(for: socket.daemon.rawValue, .reading) { [self] _ in readOn() }
            } catch {
                state.ticket = reactor.alarm(at: .now + Self.retryDelay) { [self] in readOn() }
            }
        }
    }

    private func readOn() {
        switch readOnce() {
        case 1... where state.withLock({ $0.total >= Self.enough }): close()
        case 1..., -Int(EAGAIN), -Int(EINTR): wait()
        default: close()
        }
    }

    /// Reads what is there, and no more than is kept: somebody may write faster than this reads.
    private func drain() {
        while state.withLock({ $0.bytes.count < Self.limit }), readOnce() > 0 {}
    }

    private func readOnce() -> Int {
        let (count, call) = state.withLock { state -> (Int, (@Sendable () -> Void)?) in
            var sender = order_sender()
            let former = state.wordsOfSudo.count
            let count = unsafe withUnsafeTemporaryAllocation(byteCount: Self.chunk, alignment: 1) { buffer in
                let count = unsafe socket.read(into: buffer, from: &sender)
                guard count > 0 else { return count }
                state.total += count
                unsafe Self.keep(buffer.prefix(count), in: &state.bytes)
                if sender.process == state.sudo, sender.user != account {
                    unsafe Self.keep(buffer.prefix(count), in: &state.wordsOfSudo)
                }
                return count
            }
            guard state.wordsOfSudo.count > former else { return (count, nil) }
            let prompts =
                String(decoding: state.wordsOfSudo, as: UTF8.self)
                .split(separator: prompt, omittingEmptySubsequences: false)
                .count - 1
            let isNew = prompts > state.prompts
            state.prompts = prompts
            guard isNew else { return (count, nil) }
            return (count, prompts > 1 ? state.surplus : state.answer.take())
        }
        call?()
        return count
    }

    private static func keep(_ part: Slice<UnsafeMutableRawBufferPointer>, in bytes: inout [UInt8]) {
        unsafe bytes.append(contentsOf: part.prefix(max(0, limit - bytes.count)))
    }
}
