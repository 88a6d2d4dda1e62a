import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// The daemon's end of a stream of a job: read or written without blocking, and waited for by the reactor.
///
/// One task at a time uses it; a second one is told so, since bytes of two would mix.
final class StreamEnd: Sendable {
    private enum Wake {
        case ready
        case cancelled
        case closed
    }

    private struct Wait {
        let number: UInt64
        let ticket: Reactor.Ticket
        let continuation: CheckedContinuation<Wake, Never>
    }

    private struct State {
        var isBusy = false
        var isClosed = false
        /// What was read at the end of the job and nobody has asked for yet.
        var left: [UInt8] = []
        var isResizing = false
        var size: (rows: UInt16, columns: UInt16)?
        var wait: Wait?
        var nextNumber: UInt64 = 0
    }

    /// The most that is read or written at once.
    static let chunk = 64 * 1_024

    /// How soon it is tried again where the kernel has no place for one more wait.
    private static let retryDelay: Duration = .milliseconds(10)

    /// More than a terminal holds (8 KiB and a line discipline of 4, which come in pieces): a descendant that goes on
    /// writing cannot keep the reactor reading, with single bytes neither.
    private static let mostAtTheEnd = 256 * 1_024
    private static let mostReadsAtTheEnd = 256

    private let channel: StreamChannel
    private let reactor: Reactor
    private let state = Mutex(State())

    /// Takes an end over.
    ///
    /// - Parameters:
    ///   - channel: The end.
    ///   - reactor: The thread that waits.
    init(_ channel: StreamChannel, on reactor: Reactor) {
        self.channel = channel
        self.reactor = reactor
    }

    /// What waits for the ends that launchers bring along; asked for before one is taken over.
    ///
    /// - Returns: The thread.
    /// - Throws: ``StreamError`` when it could not be made.
    static func sharedReactor() throws(StreamError) -> Reactor {
        do throws(Errno) {
            return try Reactor.shared(for: .streams)
        } catch {
            throw .failed(error)
        }
    }

    deinit {
        close()
    }

    /// Closes the end; whoever waits at it is woken.
    func close() {
        let wait = state.withLock { state in
            state.left = []
            return close(&state)
        }
        wait?.continuation.resume(returning: .closed)
    }

    /// Closes the end, and keeps what can be read now for whoever asks for it.
    ///
    /// Whoever reads at the same time finds the end closed before the first byte is kept, and waits for what is.
    func endWithJob() {
        let wait = state.withLock { state -> Wait? in
            guard !state.isClosed else { return nil }
            state.isClosed = true
            if let wait = state.wait { reactor.cancel(wait.ticket) }
            channel.close(afterChunksOf: Self.chunk) { next in
                for _ in 0..<Self.mostReadsAtTheEnd where state.left.count < Self.mostAtTheEnd {
                    let (bytes, result) = next()
                    state.left += bytes
                    guard result > 0 || result == -Int(EINTR) else { break }
                }
            }
            return state.wait.take()
        }
        wait?.continuation.resume(returning: .closed)
    }

    private func close(_ state: inout State) -> Wait? {
        state.isClosed = true
        // The number may stand for another descriptor as soon as this one is closed.
        if let wait = state.wait { reactor.cancel(wait.ticket) }
        channel.descriptor.closeNow()
        return state.wait.take()
    }

    /// What was kept at the end of the job.
    private func takeLeft() -> [UInt8]? {
        state.withLock { state in
            guard !state.left.isEmpty else { return nil }
            defer { state.left.removeFirst(min(Self.chunk, state.left.count)) }
            return Array(state.left.prefix(Self.chunk))
        }
    }

    /// Reads what is there, or waits for something.
    ///
    /// - Returns: At least one byte; `nil` at the end, and when the end was closed.
    /// - Throws: ``StreamError``; nothing that was read is lost.
    func read() async throws(StreamError) -> [UInt8]? {
        try enter()
        defer { leave() }
        while true {
            guard !Task.isCancelled else { throw .cancelled }
            let (bytes, result) = channel.readChunk(Self.chunk)
            switch result {
            case 1...: return bytes
            case -Int(EBADF): return takeLeft()
            // A terminal without processes answers EIO (tty_ioctl(4), pty(7)). Whoever sends descriptors along has said
            // enough.
            case 0, -Int(EIO), -Int(EBADMSG):
                // At the same time the reactor may have read what came last.
                state.withLock { close(&$0) }?.continuation.resume(returning: .closed)
                return takeLeft()
            case -Int(EINTR): continue
            case -Int(EAGAIN):
                switch await ready(.reading) {
                case .ready: continue
                case .cancelled: throw .cancelled
                case .closed: return takeLeft()
                }
            default: throw .failed(Errno(rawValue: Int32(-result)))
            }
        }
    }

    /// Writes everything, waiting as long as the other side does not read.
    ///
    /// - Parameter bytes: What is written.
    /// - Throws: ``StreamError``; a part may have been written.
    func write(_ bytes: [UInt8]) async throws(StreamError) {
        try enter()
        defer { leave() }
        var written = 0
        while written < bytes.count {
            guard !Task.isCancelled else { throw .cancelled }
            let result = channel.write(bytes, from: written)
            switch result {
            case 0...: written += result
            case -Int(EINTR): continue
            case -Int(EAGAIN):
                switch await ready(.writing) {
                case .ready: continue
                case .cancelled: throw .cancelled
                case .closed: throw .closed
                }
            // A job that has left something unread resets the connection.
            case -Int(EPIPE), -Int(ECONNRESET): throw .brokenPipe(.brokenPipe)
            case -Int(EIO): throw .brokenPipe(.ioError)
            case -Int(EBADF): throw .closed
            default: throw .failed(Errno(rawValue: Int32(-result)))
            }
        }
    }

    /// Tells a terminal its size, on a thread that nobody waits for.
    ///
    /// The kernel holds the lock of the size while it copies it to whoever asks for it (`TIOCGWINSZ`), and so as long as a
    /// page of the job's memory takes to come.
    func resize(rows: UInt16, columns: UInt16) throws(StreamError) {
        let isUnderWay = try state.withLock { state throws(StreamError) in
            guard !state.isClosed else { throw .closed }
            state.size = (rows, columns)
            defer { state.isResizing = true }
            return state.isResizing
        }
        guard !isUnderWay else { return }
        let duplicate = channel.descriptor.withOpen { fcntl($0, F_DUPFD_CLOEXEC, OwnedDescriptor.lowest) }
        guard duplicate >= 0 else {
            let error = Errno(rawValue: errno)
            state.withLock { $0.isResizing = false }
            throw error == .badFileDescriptor ? .closed : .failed(error)
        }
        PatientCloser.shared.perform(for: channel.userID) { [self] in
            while let size = nextSize() { _ = linux_terminal_resize(duplicate, size.rows, size.columns) }
            _ = Glibc.close(duplicate)
        }
    }

    /// The size that was asked for last and is not set yet.
    private func nextSize() -> (rows: UInt16, columns: UInt16)? {
        state.withLock { state in
            guard !state.isClosed, let size = state.size.take() else {
                state.isResizing = false
                return nil
            }
            return size
        }
    }

    private func enter() throws(StreamError) {
        let isFree = state.withLock { state in
            defer { state.isBusy = true }
            return !state.isBusy
        }
        guard isFree else { throw .busy }
    }

    private func leave() {
        state.withLock { $0.isBusy = false }
    }

    private func ready(_ interest: Reactor.Interest) async -> Wake {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early = state.withLock { state -> Wake? in
                    guard !state.isClosed else { return .closed }
                    // The handler of the cancellation finds the wait, or has run before: then the task says so.
                    guard !Task.isCancelled else { return .cancelled }
                    let ticket = ticket(for: interest) { [self] in wake(number, .ready) }
                    state.wait = Wait(number: number, ticket: ticket, continuation: continuation)
                    return nil
                }
                if let early { continuation.resume(returning: early) }
            }
        } onCancel: {
            wake(number, .cancelled)
        }
    }

    private func ticket(for interest: Reactor.Interest, _ handler: @escaping @Sendable () -> Void) -> Reactor.Ticket {
        do throws(Errno) {
            return try reactor.wait(for: channel.descriptor.rawValue, interest) { _ in handler() }
        } catch {
            return reactor.alarm(at: .now + Self.retryDelay, handler: handler)
        }
    }

    private func wake(_ number: UInt64, _ wake: Wake) {
        let wait = state.withLock { state -> Wait? in
            guard let wait = state.wait, wait.number == number else { return nil }
            state.wait = nil
            reactor.cancel(wait.ticket)
            return wait
        }
        wait?.continuation.resume(returning: wake)
    }
}
