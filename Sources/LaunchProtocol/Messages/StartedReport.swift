package import SystemPackage

/// A program that runs.
package struct StartedReport: Hashable, Sendable {
    /// The process id of the job.
    ///
    /// The pidfd is what it is waited for and told apart by; the number may come again.
    package var processID: Int32

    /// The user id that the job was started with.
    package var userID: UInt32

    /// Whether the job started in its fallback directory.
    package var fellBack: Bool

    /// Whether the job may gain privileges by an exec, and so be somebody else by right.
    package var mayGainPrivileges: Bool

    /// The time from the order to the confirmed start, in nanoseconds, as the helper measured it.
    package var startNanoseconds: UInt64

    /// The cgroup of the job; `nil` when it has none.
    package var controlGroup: FilePath?

    /// Where the job can be taken over once its daemon is gone; `nil` when it ends with its daemon.
    package var adoptionSocket: FilePath?

    /// The PAM session of the job; `nil` when it has none.
    package var session: SessionReport?

    package init(
        processID: Int32,
        userID: UInt32,
        fellBack: Bool,
        mayGainPrivileges: Bool = false,
        startNanoseconds: UInt64,
        controlGroup: FilePath? = nil,
        adoptionSocket: FilePath? = nil,
        session: SessionReport? = nil
    ) {
        self.processID = processID
        self.userID = userID
        self.fellBack = fellBack
        self.mayGainPrivileges = mayGainPrivileges
        self.startNanoseconds = startNanoseconds
        self.controlGroup = controlGroup
        self.adoptionSocket = adoptionSocket
        self.session = session
    }
}
