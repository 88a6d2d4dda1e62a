import FoundationEssentials
import Impersonation
public import SystemPackage

/// What came of one job, as it is written beside its file.
///
/// What was decided, and what failed, has the names of `impersonate run --report`; the other members are the worker's own.
public struct JobResult: Sendable, Codable, Hashable {
    /// One rule that had a say.
    public struct Rule: Sendable, Codable, Hashable {
        /// The stable name of the rule.
        public let rule: String

        /// The file it stands in, or where else it comes from.
        public let source: String

        /// The line in the file.
        public let line: Int?

        /// What it found.
        public let text: String
    }

    /// The id of the job.
    public let id: String

    /// The name its submitter gave the file.
    public let file: String

    /// The user id that owned the file.
    public let owner: UInt32

    /// The label of the job.
    public var name: String?

    /// Whose job it is.
    public var login: String?

    /// The account it asked to run as.
    public var requested: String?

    /// `identity`, `denied`, `badlogin` or `error`; `bad` for what was no job file.
    public var outcome: String

    /// The stable code of the reason.
    public var reason: String

    /// What happened, for a person.
    public var message: String

    /// The mode that chose the account.
    public var mode: String?

    /// The account it ran as.
    public var account: String?

    /// The user id it ran with.
    public var uid: UInt32?

    /// The primary group it ran with.
    public var gid: UInt32?

    /// All groups it ran with.
    public var groups: [UInt32]?

    /// Every rule that had a say.
    public var rules: [Rule]?

    /// By which way it was started.
    public var backend: String?

    /// Its process id.
    public var pid: Int32?

    /// The step of the launch that failed.
    public var step: String?

    /// The error number of the kernel, when that is what failed.
    public var errno: Int32?

    /// The file it wrote to.
    public var log: String?

    /// Who owned that file when the job had just begun, by the kernel; later it is the job's to change.
    public var logOwner: UInt32?

    /// What it exited with.
    public var exited: Int32?

    /// The signal that ended it.
    public var signaled: Int32?

    /// How long it ran, in seconds.
    public var seconds: Double?

    /// Creates the result of a job that has not run.
    ///
    /// - Parameters:
    ///   - id: The id of the job.
    ///   - fileName: The name its submitter gave the file.
    ///   - owner: The user id that owned the file.
    ///   - outcome: `identity`, `denied`, `badlogin`, `error` or `bad`.
    ///   - reason: The stable code of the reason.
    ///   - message: What happened, for a person.
    public init(id: JobID, fileName: String, owner: UserID, outcome: String, reason: String, message: String) {
        self.id = id.description
        self.file = fileName
        self.owner = owner.rawValue
        self.outcome = outcome
        self.reason = reason
        self.message = message
    }

    /// Notes every rule that had a say.
    mutating func note(_ explanation: Explanation) {
        rules = explanation.entries.map { entry in
            Rule(
                rule: entry.rule,
                source: entry.source.file?.string ?? entry.source.origin,
                line: entry.source.line,
                text: entry.text
            )
        }
    }

    /// Notes the running process.
    mutating func note(_ process: LaunchedProcess) {
        let (identity, account) = (process.identity, process.identity.account)
        mode = identity.mode.rawValue
        self.account = account.name.spelling
        uid = account.userID.rawValue
        gid = account.groupID.rawValue
        groups = account.groups.map(\.rawValue)
        backend = process.report.backend.description
        pid = process.processID.rawValue
    }

    /// Notes the end of the process.
    mutating func note(_ report: ExitReport) {
        switch report.status {
        case .exited(let code): exited = code
        case .signaled(let signal, _): signaled = signal.rawValue
        }
        seconds = report.usage.map { usage in
            Double(usage.wallTime.components.seconds) + Double(usage.wallTime.components.attoseconds) / 1e18
        }
    }

    /// The contents of the file.
    func encoded() throws(SpoolError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
        } catch {
            throw SpoolError(path: FilePath(file), message: "the result cannot be written as JSON: \(error)")
        }
    }

    /// Reads a result the worker wrote.
    ///
    /// - Parameter bytes: The contents of the file.
    /// - Throws: `DecodingError` when it is none.
    public init(decoding bytes: [UInt8]) throws {
        self = try JSONDecoder().decode(JobResult.self, from: Data(bytes))
    }
}
