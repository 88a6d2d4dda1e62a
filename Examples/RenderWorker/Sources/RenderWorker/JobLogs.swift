public import SystemPackage

/// The directory that jobs write to: open to everybody, so what is in it is believed for a moment at most.
///
/// Looking at a file takes as long as the file system does, so the actor has a thread of its own.
public actor JobLogs {
    /// The directory, from the root: a job has a working directory of its own.
    public nonisolated let path: FilePath

    private nonisolated let thread = QueueExecutor(label: "logs")
    private let folder: Folder

    /// Runs the actor on its own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// Takes a directory of logs.
    ///
    /// - Parameter folder: The directory, by its path from the root.
    public init(_ folder: Folder) {
        path = folder.path
        self.folder = folder
    }

    /// The file that a job writes to.
    ///
    /// - Parameter id: The job.
    /// - Returns: Its path from the root.
    nonisolated func file(of id: JobID) -> FilePath { path.appending(id.log) }

    /// Who owns the file that a job has just been started with, which its own process made as the account.
    ///
    /// - Parameter id: The job.
    /// - Returns: The owner, or `nil` when the job was quicker: when the file is gone, or another by another name too.
    func owner(of id: JobID) -> UserID? {
        guard let facts = try? folder.facts(of: id.log), facts.kind == .regular, facts.links == 1 else { return nil }
        return facts.owner
    }
}
