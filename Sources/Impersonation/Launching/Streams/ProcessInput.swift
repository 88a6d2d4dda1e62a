public import SystemPackage

/// Writes to the standard input of a job.
///
/// A write comes back when the job's socket has taken everything, and so waits as long as the job does not read: no more
/// than 256 KiB are ever on the way. The job reads the end of the file after ``close()`` and no sooner: it is held for
/// the job as long as that runs.
///
/// One task at a time writes. A job that does not read any more is an error, never a `SIGPIPE`.
public struct ProcessInput: Sendable {
    private let end: StreamEnd

    init(_ end: StreamEnd) {
        self.end = end
    }

    /// Takes over the daemon's end of what a job reads, for launchers.
    ///
    /// A connected stream socket is the better one, an end of `socketpair(2)` for example: as with the library's own launchers,
    /// the job cannot hold up what is done to it, and it is used in this direction alone (`shutdown(2)`) and tells nothing of who
    /// sends. Of a pipe the open file
    /// becomes one that does not block (`O_NONBLOCK`), also for others that share it, and the job can make calls to it stand still
    /// (``StandardStream/Input/pipe``). The job reads the end of the file once nobody has a duplicate of the end either: close
    /// yours of the job's end, and let no other child have one.
    ///
    /// - Parameters:
    ///   - descriptor: The end. It is closed by ``close()``, or with the last copy of this value, and by an exec.
    ///   - account: The account of the job, which may be able to hold up that close, but not for others.
    /// - Throws: ``StreamError``: `unsuitable` when it is neither a connected stream socket nor the writing end of a pipe; the
    ///   descriptor is the caller's then, as it was. `taken` when it is another stream's already, which closes it.
    public init(takingOver descriptor: FileDescriptor, account: UserID) throws(StreamError) {
        let reactor = try StreamEnd.sharedReactor()
        self.init(StreamEnd(try .taking(descriptor, for: .input, of: account.rawValue), on: reactor))
    }

    /// Writes bytes.
    ///
    /// - Parameter bytes: What the job is to read.
    /// - Throws: ``StreamError``: `brokenPipe` when the job has ended or has closed its input, `cancelled` when the task
    ///   was, and then a part may have been written.
    public func write(_ bytes: [UInt8]) async throws(StreamError) { try await end.write(bytes) }

    /// Writes a sequence chunk by chunk, asking for the next one when the job has taken the one before, and closes.
    ///
    /// - Parameter chunks: What the job is to read.
    /// - Throws: ``StreamError``, or whatever the sequence throws. The input is closed in every case.
    public func writeAll<Chunks: AsyncSequence>(_ chunks: Chunks) async throws where Chunks.Element == [UInt8] {
        defer { close() }
        for try await chunk in chunks { try await write(chunk) }
    }

    /// Closes the input: the job reads the end of the file.
    ///
    /// A write that waits fails with `closed`.
    public func close() { end.close() }
}
