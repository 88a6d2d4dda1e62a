import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// Writes bytes to the standard input of a job as fast as it reads them, on the thread of the reactor.
final class FedStream: Sendable {
    private struct State {
        var written = 0
        var ticket: Reactor.Ticket?
        var isOver = false
    }

    private static let retryDelay: Duration = .milliseconds(10)

    private let pipe: OwnedDescriptor
    private let bytes: [UInt8]
    private let reactor: Reactor
    private let state = Mutex(State())

    /// Creates a writer; ``start()`` begins to write.
    ///
    /// - Parameters:
    ///   - pipe: The writing end.
    ///   - bytes: What the job reads before the end of the file.
    ///   - reactor: The thread to write on.
    init(_ pipe: OwnedDescriptor, _ bytes: [UInt8], on reactor: Reactor) {
        self.pipe = pipe
        self.bytes = bytes
        self.reactor = reactor
        let descriptor = pipe.rawValue
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    /// Writes what the pipe takes, and the rest whenever it takes more.
    func start() {
        state.withLock { state in
            guard !state.isOver else { return }
            guard !bytes.isEmpty else { return end(&state) }
            state.ticket = nil
            // No more at once than an empty pipe takes: the thread has others to serve.
            let count = min(bytes.count - state.written, StreamEnd.chunk)
            let written = unsafe bytes.withUnsafeBytes { buffer in
                unsafe linux_pipe_write(pipe.rawValue, buffer.baseAddress?.advanced(by: state.written), count)
            }
            switch written {
            case 0...:
                state.written += written
                if state.written < bytes.count { wait(in: &state) } else { end(&state) }
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
            state.ticket = try reactor.wait(for: pipe.rawValue, .writing) { [self] _ in start() }
        } catch {
            state.ticket = reactor.alarm(at: .now + Self.retryDelay) { [self] in start() }
        }
    }

    private func end(_ state: inout State) {
        state.isOver = true
        // Taken out of the set before its number can stand for another descriptor.
        if let ticket = state.ticket.take() { reactor.cancel(ticket) }
        pipe.closeNow()
    }
}
