public import SystemPackage

/// A directory could not be asked, or gave no usable answer.
public struct AccountDirectoryError: Error, Sendable, Hashable {
    /// What kind of failure it was; stable across versions.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code as reports and logs spell it.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// The name service is not available: not running, refused, or answered with an error.
        ///
        /// Worth a retry.
        public static let unavailable = Code("directoryUnavailable")

        /// The name service did not answer within the deadline.
        ///
        /// Worth a retry.
        public static let deadlineExceeded = Code("directoryDeadlineExceeded")

        /// Too many lookups hang already; this one was not started.
        public static let saturated = Code("directorySaturated")

        /// The answer contradicts itself or the question and must not be used.
        public static let inconsistentAnswer = Code("directoryInconsistentAnswer")

        /// What was asked for cannot be a name at all; the directory was not asked.
        public static let malformedName = Code("directoryMalformedName")

        /// The task that asked was cancelled before the answer came.
        public static let cancelled = Code("directoryLookupCancelled")
    }

    /// What kind of failure it was.
    public let code: Code

    /// What was asked for, for example `account alice` or `uid 1001`.
    public let subject: String

    /// The error number the name service returned, if it returned one.
    ///
    /// Modules of NSS return any number.
    public let errno: Errno?

    /// What happened and what to do about it.
    public let message: String

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: What kind of failure it was.
    ///   - subject: What was asked for.
    ///   - errno: The error number the name service returned.
    ///   - message: What happened and what to do about it.
    public init(_ code: Code, subject: String, errno: Errno? = nil, message: String) {
        self.code = code
        self.subject = subject
        self.errno = errno
        self.message = message
    }
}

extension AccountDirectoryError: CustomStringConvertible {
    /// One line for a person: what was asked, what happened, what to do.
    public var description: String {
        let number = errno.map { " (errno \($0.rawValue))" } ?? ""
        return "\(code.description): \(subject): \(message)\(number)"
    }
}
