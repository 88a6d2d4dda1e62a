public import SystemPackage

/// A stream of a job could not be read or written, or a descriptor not made one.
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

        /// A descriptor cannot be a stream of a job: it is not what that takes.
        public static let unsuitable = Code("unsuitable")

        /// A descriptor is another stream's already: that one closes it, and whoever has given it does not.
        public static let taken = Code("taken")

        /// A system call failed.
        public static let failed = Code("failed")
    }

    /// What kind of failure it was.
    public let code: Code

    /// What the kernel said, where it said something.
    public let errno: Errno?

    /// What happened and what to do about it.
    public let message: String

    /// Creates an error, for tests of what is done about it.
    ///
    /// - Parameters:
    ///   - code: What kind of failure it was.
    ///   - errno: What the kernel said.
    ///   - message: What happened and what to do about it.
    public init(_ code: Code, errno: Errno? = nil, message: String) {
        self.code = code
        self.errno = errno
        self.message = message
    }

    static func brokenPipe(_ errno: Errno) -> StreamError {
        StreamError(.brokenPipe, errno: errno, message: "the job does not read any more; look at how it ended")
    }

    static let closed = StreamError(.closed, message: "the stream was closed before; write before you close it")

    static let cancelled = StreamError(
        .cancelled,
        message: "the task was cancelled; the stream is open, and can be used again"
    )

    static let busy = StreamError(
        .busy,
        message: "two tasks use the stream at once; use it from one, or from one after the other"
    )

    static func unsuitable(_ message: String) -> StreamError { StreamError(.unsuitable, message: message) }

    static func failed(_ errno: Errno) -> StreamError {
        StreamError(.failed, errno: errno, message: "the kernel refused the stream: \(errno)")
    }
}

extension StreamError: CustomStringConvertible {
    /// The code and the message, for logs.
    public var description: String { "\(code): \(message)" }
}
