/// Names a running job beyond the life of the daemon that launched it, to be written down and read back.
///
/// A number of a process alone would soon mean another one: the start time and the boot tell them apart. In another container both
/// mean nothing, so the namespaces of the daemon that launched the job are part of it. Whoever can change what is
/// written down can have the next daemon end another process, so it has to be the daemon's alone.
public struct JobReference: Sendable, Hashable, Codable {
    /// The number of its first process.
    public var processID: Int32

    /// When that was started, in clock ticks since the boot (field 22 of `proc_pid_stat(5)`).
    public var startTime: UInt64

    /// The boot (`/proc/sys/kernel/random/boot_id`).
    public var bootID: String

    /// The pid namespace that the number is one of (`pid_namespaces(7)`, the inode of `/proc/self/ns/pid`); `nil` where it is not
    /// known.
    public var processNamespace: UInt64?

    /// The time namespace that the start is a time of (`time_namespaces(7)`); `nil` where it is not known, and 1 where the kernel
    /// has none.
    public var timeNamespace: UInt64?

    /// The user id of the account that it was launched as; `nil` in references of earlier versions.
    public var userID: UInt32?

    /// Whether an exec may have made somebody else of it since; `nil` in references of earlier versions.
    public var mayGainPrivileges: Bool?

    /// The cgroup of the job, if it has one.
    public var controlGroup: String?

    /// Where the system helper hands the job over; `nil` when it was launched another way.
    public var adoptionSocket: String?

    /// Creates a reference.
    ///
    /// - Parameters:
    ///   - processID: The number of its first process.
    ///   - startTime: When that was started, in clock ticks since the boot.
    ///   - bootID: The boot.
    ///   - userID: The user id of the account that it was launched as.
    ///   - mayGainPrivileges: Whether an exec may have made somebody else of it since.
    ///   - controlGroup: The cgroup of the job, if it has one.
    ///   - adoptionSocket: Where the system helper hands the job over.
    ///   - processNamespace: The pid namespace that the number is one of.
    ///   - timeNamespace: The time namespace that the start is a time of.
    public init(
        processID: Int32,
        startTime: UInt64,
        bootID: String,
        userID: UInt32? = nil,
        mayGainPrivileges: Bool? = nil,
        controlGroup: String? = nil,
        adoptionSocket: String? = nil,
        processNamespace: UInt64? = nil,
        timeNamespace: UInt64? = nil
    ) {
        self.processID = processID
        self.startTime = startTime
        self.bootID = bootID
        self.userID = userID
        self.mayGainPrivileges = mayGainPrivileges
        self.controlGroup = controlGroup
        self.adoptionSocket = adoptionSocket
        self.processNamespace = processNamespace
        self.timeNamespace = timeNamespace
    }
}
