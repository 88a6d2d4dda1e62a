public import SystemPackage

/// Something the worker took up.
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

    /// The directory it came in by.
    public let entrance: SpoolFolder

    /// The user id that owns the file, as the kernel knows it.
    public let owner: UserID

    /// What it is.
    public let content: Content

    /// Whether root submitted it, who may name whom it submits for.
    var isSubmittedByRoot: Bool { entrance == .newRoot && owner.rawValue == 0 }
}
