public import SystemPackage

/// A record could not be written down; where it is that of a decision, the job is not started.
public struct AuditLogError: Error, Sendable, Hashable {
    /// The file or other place.
    public let destination: String

    /// The error number of the kernel, if it was a system call that failed.
    public let errno: Errno?

    /// What happened and what to do about it.
    public let message: String

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - destination: The file or other place.
    ///   - errno: The error number of the kernel.
    ///   - message: What happened and what to do about it.
    public init(destination: String, errno: Errno? = nil, message: String) {
        self.destination = destination
        self.errno = errno
        self.message = message
    }
}

extension AuditLogError: CustomStringConvertible {
    /// One line for a person.
    public var description: String {
        let number = errno.map { ": \($0)" } ?? ""
        return "audit log \(destination): \(message)\(number)"
    }
}
