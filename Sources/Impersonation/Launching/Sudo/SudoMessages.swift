import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// What `sudo` writes to its standard error: its reasons, and the prompt that the password is the answer to.
///
/// It is read to its end, so that nobody who writes there is held up; the beginning is kept.
final class SudoMessages: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var answer: (@Sendable () -> Void)?
        var surplus: (@Sendable () -> Void)?
        var prompts = 0
    }

    private static let limit = 8 * 1_024
    private static let chunk = 4 * 1_024
    private static let retryDelay = Duration.milliseconds(10)

    /// What `sudo` is to prompt with: nobody writes it by accident.
    let prompt = "[impersonation \(UInt64.random(in: 0...UInt64.max))] "

    private let channel: StreamChannel
    private let reactor: Reactor
    private let state = Mutex(State())

    /// Takes the daemon's end over.
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
        do throws(Errno) {
            try reactor.wait(for: channel.descriptor.rawValue, .reading) { [self] _ in readOn() }
        } catch {
            _ = reactor.alarm(at: .now + Self.retryDelay) { [self] in readOn() }
        }
    }

    private func readOn() {
        switch readOnce() {
        case 1..., -Int(EAGAIN), -Int(EINTR): wait()
        default: channel.descriptor.closeNow()
        }
    }

    private func drain() {
        while readOnce() > 0 {}
    }

    private func readOnce() -> Int {
        let (count, call) = state.withLock { state -> (Int, (@Sendable () -> Void)?) in
            let count = unsafe withUnsafeTemporaryAllocation(byteCount: Self.chunk, alignment: 1) { buffer in
                let count = unsafe channel.read(into: buffer)
                if count > 0 {
                    unsafe state.bytes.append(
                        contentsOf: buffer.prefix(min(count, max(0, Self.limit - state.bytes.count)))
                    )
                }
                return count
            }
            guard count > 0 else { return (count, nil) }
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
