import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// Collects what a job writes to one of its standard streams, up to a limit, on the thread of the reactor.
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

    /// More than is on the way at any time, unless the administrator allows sockets of a mebibyte
    /// (`/proc/sys/net/core/wmem_max`): what a job has written before its end is among it, and a descendant that goes on
    /// writing cannot keep the reactor reading.
    private static let mostOnTheWay = 1 << 20

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

    private func readOn() {
        if read(atMost: Self.chunk) { start() }
    }

    /// Reads what the job has left and ends.
    ///
    /// Called once the job has ended; descendants that keep the stream open are not waited for.
    ///
    /// - Returns: Everything that was collected; whoever has it keeps it, this does not.
    func finish() -> CapturedOutput {
        let ticket = state.withLock { state in
            state.isEnding = true
            return state.ticket.take()
        }
        if let ticket { reactor.cancel(ticket) }
        read(atMost: Self.mostOnTheWay)
        return state.withLock { state in
            state.isComplete = true
            channel.descriptor.closeNow()
            defer { state.output = CapturedOutput(bytes: []) }
            return state.output
        }
    }

    /// - Returns: Whether there may be more later.
    @discardableResult
    private func read(atMost most: Int) -> Bool {
        state.withLock { state in
            guard !state.isComplete else { return false }
            var remaining = most
            while remaining > 0 {
                let result = unsafe withUnsafeTemporaryAllocation(byteCount: Self.chunk, alignment: 1) { buffer in
                    let count = unsafe channel.read(into: buffer)
                    if count > 0 {
                        let kept = min(count, limit - state.output.bytes.count)
                        unsafe state.output.bytes.append(contentsOf: buffer.prefix(kept))
                        state.output.omittedBytes += count - kept
                    }
                    return count
                }
                switch result {
                case -Int(EINTR): continue
                case -Int(EAGAIN): return true
                case ...0: return false
                default: remaining -= result
                }
            }
            return true
        }
    }
}
