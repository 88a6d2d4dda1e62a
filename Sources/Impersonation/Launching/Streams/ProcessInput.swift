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
