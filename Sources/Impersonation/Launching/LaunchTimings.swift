/// How long the stages of a launch took, one after the other: their sum is the time from the call to the confirmed start.
///
/// The clock is `CLOCK_BOOTTIME` (`ContinuousClock`): it goes on while the machine sleeps. Left out is what the first launch of
/// a process makes for all later ones: the image of the trampoline, and the thread that waits.
public struct LaunchTimings: Sendable, Hashable {
    /// In the daemon: the command is worked out, the plan encoded, pipes and the cgroup of the job made.
    ///
    /// Through the system helper, with a session or without, also until the helper is reached and knows who asks. Behind `sudo` also
    /// until that was looked at, and until the host has given the password.
    public var preparation: Duration

    /// Until the child exists and is a program of its own.
    ///
    /// In isolated mode, and for jobs of the daemon's own account: the descriptors of the trampoline, the clone, and the
    /// exec of the trampoline. In direct mode the thread that clones stands still until the child is the job, so
    /// everything the child does is in it, and so is the time until one of those threads is free.
    ///
    /// Through the system helper it is the sending of the order alone. Behind `sudo` it lasts until the launcher says hello, with all
    /// that `sudo` and its modules of PAM do before.
    public var clone: Duration

    /// Until the exec of the job is confirmed and the job was looked at from outside (``LaunchReport/attestation``).
    ///
    /// In isolated mode, and for jobs of the daemon's own account: all that the trampoline does, from reading its plan to
    /// the exec of the job, and the time until the waiting task runs again. In direct mode the time until the launching
    /// task runs again, and the proof from outside.
    ///
    /// Through the system helper everything that the helper does: the policy, the lookup of the account, the session of PAM, the child.
    /// Behind `sudo` what the launcher does from its hello on.
    public var confirmation: Duration

    /// All of it.
    public var total: Duration { preparation + clone + confirmation }

    /// Creates timings.
    ///
    /// - Parameters:
    ///   - preparation: What the daemon prepares.
    ///   - clone: Until the child exists.
    ///   - confirmation: Until the exec of the job is confirmed.
    public init(preparation: Duration = .zero, clone: Duration = .zero, confirmation: Duration = .zero) {
        self.preparation = preparation
        self.clone = clone
        self.confirmation = confirmation
    }
}
