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
        var wait: Wait?
        var nextNumber: UInt64 = 0
    }

    /// As much as a pipe holds unless somebody has made it larger (`pipe(7)`).
    static let chunk = 64 * 1_024

    /// How soon it is tried again where the kernel has no place for one more wait.
    private static let retryDelay: Duration = .milliseconds(10)

    private let descriptor: OwnedDescriptor
    private let reactor: Reactor
    private let state = Mutex(State())

    /// Takes an end over.
    ///
    /// - Parameters:
    ///   - descriptor: The end. It is made not to block, which the job's end of a pipe does not share.
    ///   - reactor: The thread that waits.
    init(_ descriptor: OwnedDescriptor, on reactor: Reactor) {
        self.descriptor = descriptor
        self.reactor = reactor
        let rawValue = descriptor.rawValue
        _ = fcntl(rawValue, F_SETFL, fcntl(rawValue, F_GETFL) | O_NONBLOCK)
    }

    deinit {
        close()
    }

    /// Closes the end; whoever waits at it is woken.
    func close() {
        let wait = state.withLock { state in
            state.isClosed = true
            // The number may stand for another descriptor as soon as this one is closed.
            if let wait = state.wait { reactor.cancel(wait.ticket) }
            descriptor.closeNow()
            return state.wait.take()
        }
        wait?.continuation.resume(returning: .closed)
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
            var result = 0
            let bytes = descriptor.withOpen { descriptor -> [UInt8] in
                guard descriptor >= 0 else { return [] }
                return unsafe [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, count in
                    result = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                    if result < 0 { result = -Int(errno) }
                    count = max(result, 0)
                }
            }
            switch result {
            case 1...: return bytes
            // A terminal without processes answers EIO (tty_ioctl(4), pty(7)).
            case 0, -Int(EIO):
                close()
                return nil
            case -Int(EINTR): continue
            case -Int(EAGAIN):
                switch await ready(.reading) {
                case .ready: continue
                case .cancelled: throw .cancelled
                case .closed: return nil
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
            let result = descriptor.withOpen { descriptor -> Int in
                guard descriptor >= 0 else { return -Int(EBADF) }
                return unsafe bytes.withUnsafeBytes { buffer in
                    let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[written...])
                    return unsafe linux_pipe_write(descriptor, rest.baseAddress, rest.count)
                }
            }
            switch result {
            case 0...: written += result
            case -Int(EINTR): continue
            case -Int(EAGAIN):
                switch await ready(.writing) {
                case .ready: continue
                case .cancelled: throw .cancelled
                case .closed: throw .closed
                }
            case -Int(EPIPE), -Int(EIO): throw .brokenPipe(Errno(rawValue: Int32(-result)))
            case -Int(EBADF): throw .closed
            default: throw .failed(Errno(rawValue: Int32(-result)))
            }
        }
    }

    /// Tells a terminal its size.
    func resize(rows: UInt16, columns: UInt16) throws(StreamError) {
        let result = descriptor.withOpen { $0 < 0 ? -EBADF : linux_terminal_resize($0, rows, columns) }
        guard result == 0 else { throw result == -EBADF ? .closed : .failed(Errno(rawValue: -result)) }
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
            return try reactor.wait(for: descriptor.rawValue, interest) { _ in handler() }
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
