import FoundationEssentials

/// What the probe program says of the process it was.
///
/// The members and their meaning are those of the JSON document that `Tests/Probe` prints.
struct ProbeReport: Decodable, Equatable, Sendable {
    /// The four user or group ids of a process, `credentials(7)`.
    struct Identifiers: Decodable, Equatable, Sendable {
        let real: UInt32
        let effective: UInt32
        let saved: UInt32
        let filesystem: UInt32

        /// All four ids being `id`: nothing else to go back to.
        static func all(_ id: UInt32) -> Self {
            Self(real: id, effective: id, saved: id, filesystem: id)
        }
    }

    /// The five capability sets as bit masks, `capabilities(7)`.
    struct Capabilities: Equatable, Sendable {
        var inheritable: UInt64
        var permitted: UInt64
        var effective: UInt64
        var bounding: UInt64
        var ambient: UInt64

        static let none = Self(inheritable: 0, permitted: 0, effective: 0, bounding: 0, ambient: 0)
    }

    /// Signals by number, `signal(7)`.
    struct Signals: Decodable, Equatable, Sendable {
        let pending: [Int]
        let sharedPending: [Int]
        let blocked: [Int]
        let ignored: [Int]
        let caught: [Int]
        /// `default`, `ignored` or `handled` for signal 1 at index 0 to signal 64 at index 63.
        let dispositions: [String]
    }

    /// An open file descriptor.
    struct Descriptor: Decodable, Equatable, Sendable {
        let number: Int32
        /// What `/proc/self/fd/NUMBER` points to.
        let target: String?
        /// `file`, `directory`, `character`, `block`, `pipe`, `socket`, `link` or `anonymous`.
        let type: String
        /// `read`, `write`, `readWrite` or `path`.
        let access: String
        let statusFlags: Int32
        let append: Bool
        let nonblocking: Bool
        let closeOnExec: Bool
        let device: UInt64
        let inode: UInt64
        let owner: UInt32
        let mode: UInt32
    }

    /// A resource limit, `getrlimit(2)`; nil is unlimited.
    struct Limit: Decodable, Equatable, Sendable {
        let soft: UInt64?
        let hard: UInt64?
    }

    /// Something a job must not be able to do, and what the kernel said.
    struct Attempt: Decodable, Equatable, Sendable {
        let call: String
        /// The process or thread it was aimed at, where it was one.
        let target: Int32?
        let succeeded: Bool
        let error: Int32?
        let errorName: String?
        /// What was read, when the attempt was to read a file.
        let content: String?
    }

    let process: Int32
    let parent: Int32
    let session: Int32
    let processGroup: Int32
    let sessionLeader: Bool
    /// The device number of the controlling terminal; 0 without one.
    let controllingTerminal: Int
    /// The audit login id; nil when it was never set.
    let loginUserID: UInt32?
    let auditSession: UInt32?
    /// `type;uid;gid;permissions;name` of the session keyring, `keyctl(2)`.
    let sessionKeyring: String?
    /// Its serial number.
    let sessionKeyringID: Int32?
    /// The lines of `/proc/self/cgroup`.
    let cgroups: [String]

    let userID: Identifiers
    let groupID: Identifiers
    /// The supplementary groups, ascending.
    let groups: [UInt32]
    let capabilities: Capabilities
    let secureBits: Int
    let keepCapabilities: Bool
    let noNewPrivileges: Bool
    /// 0 none, 1 strict, 2 filter.
    let seccomp: Int
    let dumpable: Int
    let personality: Int
    let parentDeathSignal: Int32

    let signals: Signals
    let descriptors: [Descriptor]
    /// The limits by the names of `Tests/Probe/limits.c`.
    let limits: [String: Limit]
    let nice: Int
    let schedulerPolicy: Int
    let schedulerPriority: Int
    let ioPriority: Int
    let processors: [Int]
    let timerSlackNanoseconds: Int
    let outOfMemoryAdjustment: Int?

    let umask: UInt32
    /// Nil when `getcwd(3)` fails.
    let workingDirectory: String?
    let workingDirectoryError: Int32?
    let rootDirectory: String?
    let executable: String?
    /// What the links in `/proc/self/ns` point to, by their names.
    let namespaces: [String: String?]

    let argumentCount: Int
    /// The arguments with U+FFFD for what is not UTF-8; ``argumentBytes`` has them exactly.
    let arguments: [String]
    let argumentBytes: [String]
    /// The environment in its order, `NAME=VALUE`, with U+FFFD for what is not UTF-8.
    let environment: [String]
    let environmentBytes: [String]

    let attempts: [Attempt]
}

extension ProbeReport.Capabilities: Decodable {
    enum CodingKeys: String, CodingKey {
        case inheritable
        case permitted
        case effective
        case bounding
        case ambient
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func mask(_ key: CodingKeys) throws -> UInt64 {
            let text = try container.decode(String.self, forKey: key)
            guard let mask = UInt64(text, radix: 16) else {
                throw DecodingError.dataCorruptedError(forKey: key, in: container, debugDescription: text)
            }
            return mask
        }
        inheritable = try mask(.inheritable)
        permitted = try mask(.permitted)
        effective = try mask(.effective)
        bounding = try mask(.bounding)
        ambient = try mask(.ambient)
    }
}

extension ProbeReport {
    /// Reads the document that the probe printed.
    init(json: [UInt8]) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(json))
    }

    /// The environment by name; the first of two entries with one name counts, as for `getenv(3)`.
    var variables: [String: String] {
        let pairs = environment.map { entry in
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }

    /// The attempts that the kernel let through.
    var successfulAttempts: [String] {
        attempts.filter(\.succeeded).map(\.call)
    }

    /// The open descriptor with a number.
    func descriptor(_ number: Int32) -> Descriptor? {
        descriptors.first { $0.number == number }
    }
}
