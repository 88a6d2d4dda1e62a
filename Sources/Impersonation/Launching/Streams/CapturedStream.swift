import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// Collects what a job writes to one of its standard streams, up to a limit, on the thread of a reactor.
final class CapturedStream: Sendable {
    private struct State {
        var output = CapturedOutput(bytes: [])
        var ticket: Reactor.Ticket?
        /// Nothing is waited for any more.
        var isEnding = false
        var isComplete = false
    }

    private static let chunk = 64 * 1_024
    private static let retryDelay: Duration = .milliseconds(10)

    /// How long nothing is read where there was less than ``little``.
    ///
    /// Nobody sees it before the job has ended; a job that writes byte by byte would have the thread wake for each, and so take the
    /// processor from the launches of others.
    private static let rest: Duration = .milliseconds(2)
    private static let little = 4_096

    private let channel: StreamChannel
    private let limit: Int
    private let reactor: Reactor
    private let state = Mutex(State())

    /// Creates a collector; ``start()`` begins to read.
    ///
    /// - Parameters:
    ///   - channel: The daemon's end.
    ///   - limit: How many bytes are kept.
    ///   - reactor: The thread to read on.
    init(_ channel: StreamChannel, limit: Int, on reactor: Reactor) {
        self.channel = channel
        self.limit = limit
        self.reactor = reactor
    }

    /// Begins to read.
    func start() {
        state.withLock { state in
            guard !state.isEnding else { return }
            do throws(Errno) {
                state.ticket = try reactor.wait(for: channel.descriptor.rawValue, .reading) { [self] _ in readOn() }
            } catch {
                // No place for one more wait: a job must not stand still for that.
                state.ticket = reactor.alarm(at: .now + Self.retryDelay) { [self] in readOn() }
            }
        }
    }

    /// Reads once and waits again: the thread has others to serve, however fast the job writes.
    private func readOn() {
        switch state.withLock({ readOnce(&$0) }) {
        case 1..<Self.little: rest()
        case Self.little..., -Int(EAGAIN), -Int(EINTR): start()
        default: break
        }
    }

    private func rest() {
        state.withLock { state in
            guard !state.isEnding else { return }
            state.ticket = reactor.alarm(at: .now + Self.rest) { [self] in start() }
        }
    }

    /// Reads what the job has left and ends.
    ///
    /// Called once the job has ended; what it has written is there by then. Descendants that keep the stream open are not
    /// waited for, and those that go on writing do not keep the caller reading.
    ///
    /// - Returns: Everything that was collected; whoever has it keeps it, this does not.
    func finish() -> CapturedOutput {
        let ticket = state.withLock { state in
            state.isEnding = true
            return state.ticket.take()
        }
        if let ticket { reactor.cancel(ticket) }
        return state.withLock { state in
            var remaining = channel.waitingBytes
            while remaining > 0 {
                let result = readOnce(&state)
                if result == -Int(EINTR) { continue }
                guard result > 0 else { break }
                remaining -= result
            }
            state.isComplete = true
            channel.descriptor.closeNow()
            defer { state.output = CapturedOutput(bytes: []) }
            return state.output
        }
    }

    /// - Returns: What ``StreamChannel/read(into:)`` returns; 0 once all is read.
    private func readOnce(_ state: inout State) -> Int {
        guard !state.isComplete else { return 0 }
        return unsafe withUnsafeTemporaryAllocation(byteCount: Self.chunk, alignment: 1) { buffer in
            let count = unsafe channel.read(into: buffer)
            if count > 0 {
                let kept = min(count, limit - state.output.bytes.count)
                unsafe state.output.bytes.append(contentsOf: buffer.prefix(kept))
                state.output.omittedBytes += count - kept
            }
            return count
        }
    }
}
