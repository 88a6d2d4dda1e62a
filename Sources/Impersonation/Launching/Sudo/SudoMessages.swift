import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// What `sudo` writes to its standard error: its reasons, and the prompt that the password is the answer to.
///
/// It is read on, so that `sudo` is not held up, and the beginning is kept. The account can write there as well, all the time
/// and for as long as it likes: nobody waits for that, and after ``enough`` it is closed.
final class SudoMessages: Sendable {
    private struct State {
        var bytes: [UInt8] = []
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

    private let channel: StreamChannel
    private let reactor: Reactor
    private let state = Mutex(State())

    /// Takes the daemon's end over.
    ///
    /// - Parameters:
    ///   - channel: The end.
    ///   - reactor: The one for what jobs write.
    init(_ channel: StreamChannel, on reactor: Reactor) {
        self.channel = channel
        self.reactor = reactor
    }

    /// Begins to read.
    ///
    /// - Parameters:
    ///   - answer: Called once, at the first prompt.
    ///   - surplus: Called at a second one.
    func start(
        answering answer: (@Sendable () -> Void)? = nil,
        orElse surplus: (@Sendable () -> Void)? = nil
    ) {
        state.withLock { state in
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
        channel.descriptor.closeNow()
    }

    /// What was written so far, as one line that is safe to show, without the prompts.
    var text: String {
        drain()
        let bytes = state.withLock { $0.bytes }
        return String(decoding: bytes, as: UTF8.self)
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
                state.ticket = try reactor.wait(for: channel.descriptor.rawValue, .reading) { [self] _ in readOn() }
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
            let former = state.bytes.count
            let count = unsafe withUnsafeTemporaryAllocation(byteCount: Self.chunk, alignment: 1) { buffer in
                let count = unsafe channel.read(into: buffer)
                if count > 0 {
                    state.total += count
                    unsafe state.bytes.append(
                        contentsOf: buffer.prefix(min(count, max(0, Self.limit - state.bytes.count)))
                    )
                }
                return count
            }
            guard state.bytes.count > former else { return (count, nil) }
            let prompts =
                String(decoding: state.bytes, as: UTF8.self).split(separator: prompt, omittingEmptySubsequences: false)
                .count - 1
            let isNew = prompts > state.prompts
            state.prompts = prompts
            guard isNew else { return (count, nil) }
            return (count, prompts > 1 ? state.surplus : state.answer.take())
        }
        call?()
        return count
    }
}
