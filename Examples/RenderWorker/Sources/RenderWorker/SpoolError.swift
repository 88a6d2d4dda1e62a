public import SystemPackage

/// A spool or a directory of logs cannot be used.
public struct SpoolError: Error, Sendable, Hashable {
    /// The directory.
    public let path: FilePath

    /// What was found, and what to do about it.
    public let message: String
}

extension SpoolError: CustomStringConvertible {
    /// One line for a person.
    public var description: String { "\(path.string.printable()): \(message)" }
}
