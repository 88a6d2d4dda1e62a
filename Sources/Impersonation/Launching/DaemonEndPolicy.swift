/// What becomes of a job when the daemon that launched it ends before it.
public enum DaemonEndPolicy: Sendable, Hashable {
    /// It goes on; through the system helper it can be taken over by a later daemon.
    case goOn

    /// It is killed, at once.
    ///
    /// The system helper sees the daemon's connection end and kills the job as a whole. In the other backends the kernel
    /// kills the first process of the job (`PR_SET_PDEATHSIG`), which a job can undo for itself. ``SudoLauncher`` refuses it
    /// (``LaunchError/Code/invalidCommand``), but for jobs of the daemon's own account, which need no `sudo`.
    case end
}
