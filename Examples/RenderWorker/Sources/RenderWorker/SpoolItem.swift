public import SystemPackage

/// Something the worker took out of `new`.
///
/// It is in `running` or in `bad` now, where its submitter cannot touch its name.
public struct SpoolItem: Sendable {
    /// What it is.
    public enum Content: Sendable {
        /// The bytes of a job file that passed every check of a file; nobody has looked at what they say.
        case jobFile([UInt8])

        /// Nothing that can be a job file, and why.
        case unusable(String)
    }

    /// The id it got.
    public let id: JobID

    /// The name its submitter gave the file.
    public let fileName: String

    /// The user id that owns the file: the submitter, as the kernel knows him.
    public let owner: UserID

    /// What it is.
    public let content: Content
}
