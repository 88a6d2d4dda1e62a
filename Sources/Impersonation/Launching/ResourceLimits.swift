/// The resource limits of a job.
public struct ResourceLimits: Sendable, Hashable {
    /// A resource that the kernel limits.
    ///
    /// The corresponding C constants are those of `getrlimit(2)`.
    public struct Resource: RawRepresentable, Sendable, Hashable {
        /// The number of the resource on Linux.
        public let rawValue: Int32

        /// Creates a resource from its number.
        ///
        /// - Parameter rawValue: The number of the resource on Linux.
        public init(rawValue: Int32) {
            self.rawValue = rawValue
        }

        /// Processor time in seconds (`RLIMIT_CPU`).
        public static let processorTime = Resource(rawValue: 0)

        /// Size of a file that is written, in bytes (`RLIMIT_FSIZE`).
        public static let fileSize = Resource(rawValue: 1)

        /// Data segment in bytes (`RLIMIT_DATA`).
        public static let dataSize = Resource(rawValue: 2)

        /// Stack of the first thread in bytes (`RLIMIT_STACK`).
        public static let stackSize = Resource(rawValue: 3)

        /// Core file in bytes (`RLIMIT_CORE`).
        public static let coreFileSize = Resource(rawValue: 4)

        /// Resident memory in bytes (`RLIMIT_RSS`); without effect on Linux.
        public static let residentSize = Resource(rawValue: 5)

        /// Processes of the user (`RLIMIT_NPROC`).
        public static let processes = Resource(rawValue: 6)

        /// Open descriptors (`RLIMIT_NOFILE`).
        public static let openFiles = Resource(rawValue: 7)

        /// Locked memory in bytes (`RLIMIT_MEMLOCK`).
        public static let lockedMemory = Resource(rawValue: 8)

        /// Address space in bytes (`RLIMIT_AS`).
        public static let addressSpace = Resource(rawValue: 9)

        /// Ceiling of the nice value, as 20 minus the value (`RLIMIT_NICE`).
        public static let niceCeiling = Resource(rawValue: 13)

        /// Ceiling of the real-time priority (`RLIMIT_RTPRIO`).
        public static let realtimePriority = Resource(rawValue: 14)
    }

    /// A soft and a hard limit.
    public struct Limit: Sendable, Hashable {
        /// The value that stands for "no limit" (`RLIM_INFINITY`).
        public static let unlimited = UInt64.max

        /// The limit that is in force.
        public var soft: UInt64

        /// The limit up to which the job itself may raise the soft one, or `nil` to leave the daemon's.
        public var hard: UInt64?

        /// Creates a limit.
        ///
        /// - Parameters:
        ///   - soft: The limit that is in force.
        ///   - hard: The limit up to which the job itself may raise it, or `nil` to leave the daemon's.
        public init(soft: UInt64, hard: UInt64? = nil) {
            self.soft = soft
            self.hard = hard
        }
    }

    private var limits: [Resource: Limit]

    /// The limit of one resource, or `nil` when the daemon's own is left as it is.
    public subscript(resource: Resource) -> Limit? {
        get { limits[resource] }
        set { limits[resource] = newValue }
    }

    /// Every resource that has a limit, in the order of their numbers.
    public var all: [(resource: Resource, limit: Limit)] {
        limits.sorted { $0.key.rawValue < $1.key.rawValue }.map { (resource: $0.key, limit: $0.value) }
    }

    /// Every limit left as the daemon has it.
    public static let inherited = ResourceLimits(limits: [:])

    /// What a freshly booted Linux gives a login: soft limits only, each at most the daemon's hard one.
    ///
    /// No limit of time and sizes, 8 MiB of stack, no core files, 1024 open descriptors, no right to raise priorities: the daemon's own
    /// soft limits of these are not passed on. Its hard limits are, so that a daemon that has lowered those gives its jobs no more, and
    /// so are both limits of every other resource, such as processes and locked memory. "The daemon" is who starts the job: the
    /// system helper, or `sudo` with its modules of PAM, where one of them does.
    public static let standard = ResourceLimits(limits: [
        .processorTime: Limit(soft: Limit.unlimited),
        .fileSize: Limit(soft: Limit.unlimited),
        .dataSize: Limit(soft: Limit.unlimited),
        .stackSize: Limit(soft: 8 << 20),
        .coreFileSize: Limit(soft: 0),
        .addressSpace: Limit(soft: Limit.unlimited),
        .openFiles: Limit(soft: 1_024),
        .niceCeiling: Limit(soft: 0),
        .realtimePriority: Limit(soft: 0),
    ])
}
