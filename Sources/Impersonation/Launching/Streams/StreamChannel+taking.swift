import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

extension StreamChannel {
    /// What an end that a launcher brings along is for.
    enum Purpose {
        /// The job writes, and this end is read.
        case output

        /// The job reads, and this end is written.
        case input
    }

    /// Takes over an end that somebody else has made.
    ///
    /// - Parameters:
    ///   - end: A connected stream socket, or the fitting end of a pipe.
    ///   - purpose: What it is for.
    ///   - userID: The account of the job.
    /// - Returns: The end, closed as those of the library are.
    /// - Throws: ``StreamError``; the descriptor is still the caller's then.
    static func taking(
        _ end: FileDescriptor,
        for purpose: Purpose,
        of userID: UInt32
    ) throws(StreamError) -> StreamChannel {
        try claiming(end) { number throws(StreamError) in
            var status = stat()
            guard unsafe fstat(number, &status) == 0 else { throw .failed(Errno(rawValue: errno)) }
            switch status.st_mode & S_IFMT {
            case S_IFSOCK: return try takingSocket(number, for: purpose, of: userID)
            case S_IFIFO: return try takingPipe(number, for: purpose, of: userID)
            default:
                throw .unsuitable(
                    "descriptor \(number) is neither a socket nor a pipe; give one end of socketpair(2) or of pipe(2), and let "
                        + "a task of its own copy what is in a file"
                )
            }
        }
    }

    private static func takingSocket(
        _ number: Int32,
        for purpose: Purpose,
        of userID: UInt32
    ) throws(StreamError) -> StreamChannel {
        var type: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) == 0 else {
            throw .failed(Errno(rawValue: errno))
        }
        guard type == Int32(SOCK_STREAM.rawValue) else {
            throw .unsuitable("descriptor \(number) is a socket for datagrams; give one for a stream (SOCK_STREAM)")
        }
        var takes: Int32 = 0
        let result = unsafe linux_stream_take(number, purpose == .output ? 1 : 0, &takes)
        guard result == 0 else {
            throw result == -ENOTCONN
                ? .unsuitable("descriptor \(number) is a socket that is not connected; connect it first")
                : .failed(Errno(rawValue: -result))
        }
        closeWithExec(number)
        let takesDescriptors = takes != 0
        let owner = OwnedDescriptor(number) { descriptor in
            // That holds nobody up, and the job is to hear of the end whatever becomes of the close.
            _ = shutdown(descriptor, Int32(SHUT_RDWR))
            PatientCloser.shared.close(descriptor, of: userID) { descriptor in
                release(descriptor)
                linux_stream_close(descriptor)
            }
        }
        return StreamChannel(owner, .socket(takesDescriptors: takesDescriptors), of: userID)
    }

    private static func takingPipe(
        _ number: Int32,
        for purpose: Purpose,
        of userID: UInt32
    ) throws(StreamError) -> StreamChannel {
        let flags = fcntl(number, F_GETFL)
        guard flags >= 0 else { throw .failed(Errno(rawValue: errno)) }
        let (needed, name) = purpose == .output ? (O_RDONLY, "reading") : (O_WRONLY, "writing")
        // A FIFO that is open both ways is its own other end, and never ends.
        guard flags & O_ACCMODE == needed else {
            throw .unsuitable("descriptor \(number) is no \(name) end of a pipe; give that one, open for \(name) alone")
        }
        guard fcntl(number, F_SETFL, flags | O_NONBLOCK) == 0 else { throw .failed(Errno(rawValue: errno)) }
        closeWithExec(number)
        return StreamChannel(claimed(number, userID), .pipe, of: userID)
    }

    /// Takes over the daemon's side of a pseudo-terminal that somebody else has made.
    ///
    /// - Parameters:
    ///   - master: The side.
    ///   - userID: The account of the job.
    /// - Returns: The end to read from and the end to write to: the reactor tells two waits apart by their descriptors.
    /// - Throws: ``StreamError``; the descriptor is still the caller's then.
    static func takingTerminal(
        _ master: FileDescriptor,
        of userID: UInt32
    ) throws(StreamError) -> (reading: StreamChannel, writing: StreamChannel) {
        try claiming(master) { number throws(StreamError) in
            let flags = fcntl(number, F_GETFL)
            guard flags >= 0 else { throw .failed(Errno(rawValue: errno)) }
            guard linux_terminal_is_master(number) != 0, flags & O_ACCMODE == O_RDWR else {
                throw .unsuitable(
                    "descriptor \(number) is not the master of a pseudo-terminal; give what posix_openpt(3) has opened for "
                        + "reading and writing, and the job the other side"
                )
            }
            let duplicate = fcntl(number, F_DUPFD_CLOEXEC, OwnedDescriptor.lowest)
            guard duplicate >= 0 else { throw .failed(Errno(rawValue: errno)) }
            closeWithExec(number)
            return (
                .terminal(claimed(number, userID), of: userID),
                .terminal(patient(duplicate, userID), of: userID)
            )
        }
    }

    /// The descriptors that streams of a process have been made of and have not closed yet: a fork may have closed them all.
    private static let claims = Mutex<(processID: Int32, numbers: Set<Int32>)>((getpid(), []))

    /// Takes a descriptor over once: two streams would both close it, and the second one what has its number by then.
    private static func claiming<Taken>(
        _ end: FileDescriptor,
        _ take: (Int32) throws(StreamError) -> Taken
    ) throws(StreamError) -> Taken {
        let number = end.rawValue
        let isFree = claims.withLock { claims in
            if claims.processID != getpid() { claims = (getpid(), []) }
            return claims.numbers.insert(number).inserted
        }
        guard isFree else {
            throw StreamError(
                .taken,
                message:
                    "descriptor \(number) is another stream's already, which closes it; give each stream an end of its own"
            )
        }
        do throws(StreamError) {
            return try take(number)
        } catch {
            release(number)
            throw error
        }
    }

    /// Not behind the close: the number may be somebody else's at once.
    private static func release(_ number: Int32) {
        _ = claims.withLock { $0.numbers.remove(number) }
    }

    private static func claimed(_ number: Int32, _ userID: UInt32) -> OwnedDescriptor {
        OwnedDescriptor(number) { descriptor in
            PatientCloser.shared.close(descriptor, of: userID) { descriptor in
                release(descriptor)
                _ = Glibc.close(descriptor)
            }
        }
    }

    /// No program that the host starts is to keep the other side waiting for an end.
    private static func closeWithExec(_ number: Int32) {
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    }
}
