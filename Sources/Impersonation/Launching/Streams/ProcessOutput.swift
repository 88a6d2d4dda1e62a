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

    /// Begins to read, where the iterator before it has stopped.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(end: stream) }

    /// Reads what is there for whoever asks later, and closes the stream.
    func endWithJob() { stream.endWithJob() }

    /// Closes the stream: what the job writes from now on ends it with `SIGPIPE`, or fails with `EPIPE`.
    ///
    /// Whoever waits for a chunk gets the end.
    public func close() { stream.close() }
}
