import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// Writes bytes to the standard input of a job as fast as it reads them, on the thread of the reactor.
final class FedStream: Sendable {
    private struct State {
        /// Dropped at the end, whoever still has the stream.
        var bytes: [UInt8]
        var written = 0
        var ticket: Reactor.Ticket?
        var isOver = false
    }

    private static let retryDelay: Duration = .milliseconds(10)

    private let channel: StreamChannel
    private let reactor: Reactor
    private let state: Mutex<State>

    /// Creates a writer; ``start()`` begins to write.
    ///
    /// - Parameters:
    ///   - channel: The daemon's end.
    ///   - bytes: What the job reads before the end of the file.
    ///   - reactor: The thread to write on.
    init(_ channel: StreamChannel, _ bytes: [UInt8], on reactor: Reactor) {
        self.channel = channel
        self.reactor = reactor
        state = Mutex(State(bytes: bytes))
    }

    /// Writes what the job has room for, and the rest whenever it takes more.
    func start() {
        state.withLock { state in
            guard !state.isOver else { return }
            guard !state.bytes.isEmpty else { return end(&state) }
            state.ticket = nil
            // No more at once: the thread has others to serve.
            let written = channel.write(state.bytes, from: state.written, atMost: StreamEnd.chunk)
            switch written {
            case 0...:
                state.written += written
                if state.written < state.bytes.count { wait(in: &state) } else { end(&state) }
            case -Int(EINTR), -Int(EAGAIN): wait(in: &state)
            // Nobody reads any more: a job need not read its input.
            default: end(&state)
            }
        }
    }

    /// Ends with the job.
    func finish() {
        state.withLock { end(&$0) }
    }

    private func wait(in state: inout State) {
        do throws(Errno) {
            state.ticket = try reactor.wait(for: channel.descriptor.rawValue, .writing) { [self] _ in start() }
        } catch {
            state.ticket = reactor.alarm(at: .now + Self.retryDelay) { [self] in start() }
        }
    }

    private func end(_ state: inout State) {
        state.isOver = true
        // Taken out of the set before its number can stand for another descriptor.
        if let ticket = state.ticket.take() { reactor.cancel(ticket) }
        channel.descriptor.closeNow()
        state.bytes = []
    }
}
