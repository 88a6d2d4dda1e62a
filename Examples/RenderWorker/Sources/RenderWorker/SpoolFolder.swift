/// The directories of a spool.
public enum SpoolFolder: String, Sendable, Hashable, CaseIterable {
    /// Who may submit jobs.
    public enum Submitters: Sendable, Hashable {
        /// Every account of the machine.
        case everybody

        /// The worker's own account alone: where jobs run as that one, whoever submits is that one.
        case worker
    }

    /// Where submitters put job files: everybody may write here, and nobody may touch the files of others (1777); only
    /// the worker's own account where every job runs as that (0700).
    case new

    /// Where root submits jobs for others: nobody else can put anything here (0700).
    ///
    /// Whom the owner of a file is, is no proof that he submitted it: renaming takes rights on directories, not on
    /// the file. So what only root may say counts only where only root can say it. A worker that is not root has no
    /// such directory.
    case newRoot = "new-root"

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
    ///
    /// - Parameter submitters: Who may submit.
    /// - Returns: The bits.
    func permissions(for submitters: Submitters) -> UInt32 {
        switch self {
        case .new: submitters == .everybody ? 0o1777 : 0o700
        case .newRoot, .running: 0o700
        case .done, .refused, .bad, .failed: 0o755
        }
    }

    /// Where jobs come in.
    static let entrances: [SpoolFolder] = [.new, .newRoot]

    /// Where the results of jobs are.
    public static let outcomes: [SpoolFolder] = [.done, .refused, .bad, .failed]
}
