/// The directories of a spool.
public enum SpoolFolder: String, Sendable, Hashable, CaseIterable {
    /// Where submitters put job files: everybody may write here, and nobody may touch the files of others (1777).
    case new

    /// What is running right now; only the worker looks in here (0700).
    case running

    /// Jobs that ran, whatever they exited with.
    case done

    /// Jobs that were not permitted to run.
    case refused

    /// What was no usable job file.
    case bad

    /// Jobs that could not be decided or started, and those of a worker that died.
    case failed

    /// The permission bits the worker makes the directory with.
    var permissions: UInt32 {
        switch self {
        case .new: 0o1777
        case .running: 0o700
        case .done, .refused, .bad, .failed: 0o755
        }
    }

    /// Where the results of jobs are.
    public static let outcomes: [SpoolFolder] = [.done, .refused, .bad, .failed]
}
