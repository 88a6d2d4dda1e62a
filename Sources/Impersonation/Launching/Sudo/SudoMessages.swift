import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// What `sudo` writes to its standard error: its reasons, and the prompt that the password is the answer to.
///
/// It is read on, so that `sudo` is not held up. The beginning is kept, and the end of what `sudo` itself has written: in front of
/// a prompt or a reason there may be a lecture, or whatever modules of PAM have to say, as long as an administrator likes. The
/// account can write there as well, all the time and for as long as it likes: nobody waits for that, and after ``enough`` it is
/// closed. The kernel tells who has written what, and only the words of `sudo` itself are a prompt or a refusal: it is a child that
/// this process has not waited for yet, so that nobody else has its number, and it is not the account as long as it has something
/// to ask or to refuse.
final class SudoMessages: Sendable {
    private struct State {
        var sudo: Int32?
        var words: SudoWords
        var answer: (@Sendable () -> Void)?
        var surplus: (@Sendable () -> Void)?
        var ticket: Reactor.Ticket?
        var isClosed = false
    }

    private static let limit = 8 * 1_024
    private static let chunk = 4 * 1_024
    private static let retryDelay = Duration.milliseconds(10)

    /// What no `sudo` writes.
    static let enough = 1_024 * 1_024

    /// What `sudo` is to prompt with: nobody writes it by accident.
    let prompt: String

    private let socket: SudoSocket
    private let account: UInt32
    private let reactor: Reactor
    private let state: Mutex<State>

    /// Takes the daemon's end over.
    ///
    /// - Parameters:
    ///   - socket: The socket whose other end is the standard error of `sudo`.
    ///   - account: The user id of the job.
    ///   - reactor: The one for what jobs write.
    init(_ socket: SudoSocket, of account: UInt32, on reactor: Reactor) {
        let prompt = "[impersonation \(UInt64.random(in: 0...UInt64.max))] "
        self.prompt = prompt
        state = Mutex(State(words: SudoWords(prompt: prompt)))
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
        return state.withLock { $0.words }.text
    }

    /// Why `sudo` did not run the job: what it has written itself, and what others only where nobody gains by it.
    var refusal: SudoRefusal {
        drain()
        return state.withLock { $0.words }.refusal
    }

    /// How often a password was asked for.
    var prompts: Int { state.withLock { $0.words.prompts } }

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
        case 1... where state.withLock({ $0.words.total >= Self.enough }): close()
        case 1..., -Int(EAGAIN), -Int(EINTR): wait()
        default: close()
        }
    }

    /// Reads what is there, and no more at once than is kept: somebody may write faster than this reads.
    private func drain() {
        let end = state.withLock { $0.words.total } + Self.limit
        while state.withLock({ $0.words.total < min(end, Self.enough) }), readOnce() > 0 {}
    }

    private func readOnce() -> Int {
        let (count, call) = state.withLock { state -> (Int, (@Sendable () -> Void)?) in
            var sender = order_sender()
            var prompts = 0
            let count = unsafe withUnsafeTemporaryAllocation(byteCount: Self.chunk, alignment: 1) { buffer in
                let count = unsafe socket.read(into: buffer, from: &sender)
                guard count > 0 else { return count }
                let isOfSudo = sender.process == state.sudo && sender.user != account
                prompts = state.words.take(unsafe Array(buffer.prefix(count)), isOfSudo: isOfSudo)
                return count
            }
            guard prompts > 0 else { return (count, nil) }
            return (count, state.words.prompts > 1 ? state.surplus : state.answer.take())
        }
        call?()
        return count
    }
}
