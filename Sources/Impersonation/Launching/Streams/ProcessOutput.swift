public import SystemPackage

/// What a job writes to one of its streams, as chunks of bytes in the order they were written.
///
/// The stream is read only when somebody asks for the next chunk, so a job that writes faster than that waits in its
/// `write(2)`: nothing is collected. A chunk has at least one byte and at most 64 KiB; where it ends means nothing.
///
/// The sequence ends when every process that holds the stream has closed it, which may be later than the end of the job
/// when it has left descendants; ``LaunchedProcess/terminate(gracePeriod:)`` ends those. That of a terminal ends with the job.
/// It ends too when the job sends descriptors along (`SCM_RIGHTS`), which the kernel refuses since Linux 6.16. Every iterator takes from the same stream, and
/// one task at a time does. A cancelled task gets ``StreamError/Code/cancelled``, never an end that looks like the
/// job's, and another task may go on reading.
///
/// See `unix(7)` and ``StandardStream``.
public struct ProcessOutput: AsyncSequence, Sendable {
    /// A chunk of bytes.
    public typealias Element = [UInt8]

    /// What reading fails with.
    public typealias Failure = StreamError

    /// Asks for one chunk after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let end: StreamEnd

        /// Waits for the next chunk.
        ///
        /// - Returns: At least one byte, or `nil` at the end and once the stream was closed.
        /// - Throws: ``StreamError``; nothing is lost.
        public mutating func next() async throws(StreamError) -> [UInt8]? { try await end.read() }

        /// Waits for the next chunk.
        ///
        /// - Parameter actor: Where the caller runs.
        /// - Returns: At least one byte, or `nil` at the end and once the stream was closed.
        /// - Throws: ``StreamError``; nothing is lost.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(StreamError) -> [UInt8]? { try await end.read() }
    }

    private let stream: StreamEnd

    init(_ stream: StreamEnd) {
        self.stream = stream
    }

    /// Takes over the daemon's end of what a job writes, for launchers.
    ///
    /// A connected stream socket is the better one, an end of `socketpair(2)` for example: as with the library's own launchers,
    /// the job cannot hold up what is done to it, and it is used in this direction alone (`shutdown(2)`); urgent bytes are read like
    /// others (`SO_OOBINLINE`), and it tells nothing of who sends. Of a pipe the open file
    /// becomes one that does not block (`O_NONBLOCK`), also for others that share it, and the job can make calls to it stand still
    /// (``StandardStream/Output/pipe``). The sequence ends once nobody has the job's end: close yours, and let no other child
    /// have one. It ends too where descriptors come along that the job has sent before a socket was taken over.
    ///
    /// - Parameters:
    ///   - descriptor: The end. It is closed by ``close()``, at its end, or with the last copy of this value, and by an exec.
    ///   - account: The account of the job, which may be able to hold up that close, but not for others.
    /// - Throws: ``StreamError``: `unsuitable` when it is neither a connected stream socket nor the reading end of a pipe; the
    ///   descriptor is the caller's then, as it was. `taken` when it is another stream's already, which closes it.
    public init(takingOver descriptor: FileDescriptor, account: UserID) throws(StreamError) {
        let reactor = try StreamEnd.sharedReactor()
        self.init(StreamEnd(try .taking(descriptor, for: .output, of: account.rawValue), on: reactor))
    }

    /// Begins to read, where the iterator before it has stopped.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(end: stream) }

    /// Reads what is there for whoever asks later, and closes the stream.
    func endWithJob() { stream.endWithJob() }

    /// Closes the stream: what the job writes from now on ends it with `SIGPIPE`, or fails with `EPIPE`.
    ///
    /// Whoever waits for a chunk gets the end.
    public func close() { stream.close() }
}
