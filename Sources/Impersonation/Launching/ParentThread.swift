/// The thread that clones children which end with the daemon, and lasts as long as that.
///
/// The death signal of a parent (`PR_SET_PDEATHSIG`) comes with the end of the *thread* that has cloned.
enum ParentThread {
    /// One thread, which nothing may keep for long.
    static let workers = BlockingWorkers(
        name: "impersonation-pa",
        maximumThreads: 1,
        idleTime: .seconds(1_000_000_000)
    )
}
