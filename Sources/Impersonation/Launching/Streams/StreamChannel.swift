import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

/// The daemon's end of a stream that a job has the other end of.
///
/// Where the library itself reads and writes, it is a socket and no pipe: the calls to a pipe can be held up by whoever has
/// the other end, with `O_NONBLOCK` too, and those to a socket cannot (`linux_stream_create`). The same goes for its
/// close, unless the job has sent descriptors along, whose last close is then the daemon's.
struct StreamChannel: Sendable {
    enum Kind {
        case socket(takesDescriptors: Bool)
        case pipe
        case terminal
    }

    /// The descriptor; it is closed as this kind of end has to be.
    let descriptor: OwnedDescriptor

    private let kind: Kind

    /// The account of the job.
    let userID: UInt32

    init(_ descriptor: OwnedDescriptor, _ kind: Kind, of userID: UInt32) {
        self.descriptor = descriptor
        self.kind = kind
        self.userID = userID
    }

    /// Makes a stream in one direction that the library reads or writes.
    ///
    /// - Parameters:
    ///   - jobWrites: Whether the job writes and the daemon reads.
    ///   - userID: The account of the job.
    ///   - refusesDescriptors: Whether the kernel is asked to keep the job from sending descriptors along.
    /// - Returns: The daemon's end and the job's.
    /// - Throws: `Errno` of `socketpair(2)` or `fcntl(2)`.
    static func socket(
        jobWrites: Bool,
        of userID: UInt32,
        refusesDescriptors: Bool = true
    ) throws(Errno) -> (daemon: StreamChannel, job: OwnedDescriptor) {
        var ends: (daemon: Int32, job: Int32) = (-1, -1)
        var takes: Int32 = refusesDescriptors ? 0 : 1
        let result = unsafe linux_stream_create(&ends.daemon, &ends.job, jobWrites ? 1 : 0, &takes)
        guard result == 0 else { throw Errno(rawValue: -result) }
        let takesDescriptors = takes != 0
        let daemon: OwnedDescriptor
        do {
            daemon = try OwnedDescriptor(moving: ends.daemon) { descriptor in
                guard takesDescriptors else { return linux_stream_close(descriptor) }
                // That holds nobody up, and a job that reads is to hear of the end whatever becomes of the close.
                _ = shutdown(descriptor, Int32(SHUT_RDWR))
                PatientCloser.shared.close(descriptor, of: userID) { linux_stream_close($0) }
            }
        } catch {
            _ = Glibc.close(ends.job)
            throw error
        }
        let channel = StreamChannel(daemon, .socket(takesDescriptors: takesDescriptors), of: userID)
        return (channel, try OwnedDescriptor(moving: ends.job))
    }

    /// Makes a pipe, whose daemon's end is for the host to take.
    ///
    /// - Parameters:
    ///   - jobWrites: Whether the job has the writing end.
    ///   - userID: The account of the job.
    /// - Returns: The daemon's end and the job's.
    /// - Throws: `Errno` of `pipe2(2)` or `fcntl(2)`.
    static func pipe(
        jobWrites: Bool,
        of userID: UInt32
    ) throws(Errno) -> (daemon: StreamChannel, job: OwnedDescriptor) {
        let (reading, writing) = try OwnedDescriptor.pipe()
        let (daemon, job) = jobWrites ? (reading, writing) : (writing, reading)
        guard let taken = daemon.take() else { throw .badFileDescriptor }
        return (StreamChannel(Self.patient(taken.rawValue, userID), .pipe, of: userID), job)
    }

    /// Takes the daemon's side of a terminal over.
    ///
    /// - Parameters:
    ///   - master: The side; it is made not to block.
    ///   - userID: The account of the job.
    /// - Returns: The end.
    static func terminal(_ master: consuming OwnedDescriptor, of userID: UInt32) -> StreamChannel {
        let descriptor = master.rawValue
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        return StreamChannel(master, .terminal, of: userID)
    }

    /// A descriptor that is closed on a thread nobody waits for.
    static func patient(_ rawValue: Int32, _ userID: UInt32) -> OwnedDescriptor {
        OwnedDescriptor(rawValue) { descriptor in
            PatientCloser.shared.close(descriptor, of: userID) { _ = Glibc.close($0) }
        }
    }

    /// How many bytes are there; 0 for what is not a socket.
    var waitingBytes: Int {
        guard case .socket = kind else { return 0 }
        return descriptor.withOpen { $0 < 0 ? 0 : max(linux_stream_waiting($0), 0) }
    }

    /// Reads what is there, without waiting; of a socket nothing that comes in meanwhile.
    ///
    /// - Parameter buffer: Where it goes.
    /// - Returns: How many bytes, 0 at the end, or a negative error number; `-EBADF` once the end was closed.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        descriptor.withOpen { unsafe read($0, into: buffer) }
    }

    /// Reads a chunk, as ``read(into:)`` does.
    ///
    /// - Parameter size: How many bytes at most.
    /// - Returns: The bytes, and what ``read(into:)`` returns.
    func readChunk(_ size: Int) -> (bytes: [UInt8], result: Int) {
        descriptor.withOpen { readChunk(size, of: $0) }
    }

    /// Closes the end behind a last reader.
    ///
    /// - Parameters:
    ///   - size: How many bytes are read at once.
    ///   - body: Is given what reads, as ``readChunk(_:)`` does; that finds the end closed from now on.
    func close(
        afterChunksOf size: Int,
        _ body: (_ next: () -> (bytes: [UInt8], result: Int)) -> Void
    ) {
        descriptor.closeNow { descriptor in body { readChunk(size, of: descriptor) } }
    }

    private func readChunk(_ size: Int, of descriptor: Int32) -> (bytes: [UInt8], result: Int) {
        var result = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            result = unsafe read(descriptor, into: UnsafeMutableRawBufferPointer(buffer))
            count = max(result, 0)
        }
        return (bytes, result)
    }

    private func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard descriptor >= 0 else { return -Int(EBADF) }
        if case .socket(let takesDescriptors) = kind {
            return unsafe linux_stream_read(descriptor, buffer.baseAddress, buffer.count, takesDescriptors ? 1 : 0)
        }
        let count = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        return count < 0 ? -Int(errno) : count
    }

    /// Writes as much as there is room for, without waiting.
    ///
    /// - Parameters:
    ///   - bytes: What is written.
    ///   - offset: The first byte of it.
    ///   - most: How many at most.
    /// - Returns: How many bytes, or a negative error number; `-EBADF` once the end was closed.
    func write(_ bytes: [UInt8], from offset: Int, atMost most: Int = .max) -> Int {
        let count = min(bytes.count - offset, most)
        return descriptor.withOpen { descriptor in
            guard descriptor >= 0 else { return -Int(EBADF) }
            return unsafe bytes.withUnsafeBytes { buffer in
                let start = unsafe buffer.baseAddress?.advanced(by: offset)
                switch kind {
                case .socket: return unsafe linux_stream_write(descriptor, start, count)
                case .pipe: return unsafe linux_pipe_write(descriptor, start, count)
                case .terminal:
                    let written = unsafe Glibc.write(descriptor, start, count)
                    return written < 0 ? -Int(errno) : written
                }
            }
        }
    }
}
