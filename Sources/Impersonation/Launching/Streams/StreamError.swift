public import SystemPackage

/// A stream of a job could not be read or written.
public struct StreamError: Error, Sendable, Hashable {
    /// What kind of failure it was; stable across versions.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code as reports and logs spell it.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// Nobody reads any more: the job has closed the stream or has ended.
        public static let brokenPipe = Code("brokenPipe")

        /// The stream was closed on this side.
        public static let closed = Code("closed")

        /// The task was cancelled while it waited.
        public static let cancelled = Code("cancelled")

        /// Another task uses the stream at this moment.
        public static let busy = Code("busy")

        /// A system call failed.
        public static let failed = Code("failed")
    }

    /// What kind of failure it was.
    public let code: Code

    /// What the kernel said, where it said something.
    public let errno: Errno?

    /// What happened and what to do about it.
    public let message: String

    private init(_ code: Code, _ errno: Errno?, _ message: String) {
        self.code = code
        self.errno = errno
        self.message = message
    }

    static func brokenPipe(_ errno: Errno) -> StreamError {
        StreamError(.brokenPipe, errno, "the job does not read any more; look at how it ended")
    }

    static let closed = StreamError(.closed, nil, "the stream was closed before; write before you close it")

    static let cancelled = StreamError(
        .cancelled,
        nil,
        "the task was cancelled; the stream is open, and can be used again"
    )

    static let busy = StreamError(
        .busy,
        nil,
        "two tasks use the stream at once; use it from one, or from one after the other"
    )

    static func failed(_ errno: Errno) -> StreamError {
        StreamError(.failed, errno, "the kernel refused the stream: \(errno)")
    }
}

extension StreamError: CustomStringConvertible {
    /// The code and the message, for logs.
    public var description: String { "\(code): \(message)" }
}
