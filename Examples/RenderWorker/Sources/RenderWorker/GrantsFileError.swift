public import SystemPackage

/// A file of grants cannot be used.
public struct GrantsFileError: Error, Sendable, CustomStringConvertible {
    /// The file.
    public let path: FilePath

    /// What is wrong with it, and what to do about it.
    public let message: String

    /// One line for a person.
    public var description: String { "\(path.string.printable()): \(message)" }
}
