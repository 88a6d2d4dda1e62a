public import FoundationEssentials

/// One decision, as the audit log keeps it.
///
/// There is no place in it for a secret, an environment or a standard stream.
public struct AuditRecord: Sendable, Hashable {
    /// What the record is about.
    public enum Event: String, Sendable, Hashable {
        /// It was decided as whom a job runs, or that it does not run.
        case decision

        /// A job was started.
        case started

        /// A job of an earlier daemon was taken over.
        case adopted

        /// A job could not be started, or taken over.
        case failed

        /// A job ended.
        case ended
    }

    /// When it happened.
    public var date: Date

    /// What the record is about.
    public var event: Event

    /// The request.
    public var request: ExecutionRequest

    /// `identity`, `denied`, `badlogin` or `error`.
    public var outcome: String

    /// The stable code of a denial, a badlogin or an error; for an identity the rule that chose the account.
    public var reason: String

    /// What was decided, for a person.
    public var message: String

    /// The mode in force, when the decision came that far.
    public var mode: ExecutionMode?

    /// The account, when there is one.
    public var account: Account?

    /// Every rule that had a say.
    public var rules: [Explanation.Entry]

    /// The program that is run, without its arguments; not of a job that is taken over.
    public var executable: String?

    /// The backend, when the job was started or taken over, or should have been.
    public var backend: LaunchBackend?

    /// The process, when the job was started, or was to be taken over.
    public var processID: ProcessID?

    /// How long the stages of the start took, when the job was started.
    public var timings: LaunchTimings?

    /// Who has looked at the job from outside, when it was started.
    public var attestation: Attestation?

    /// How the job ended, when it did.
    public var status: TerminationStatus?

    /// Creates a record.
    ///
    /// - Parameters:
    ///   - date: When it happened.
    ///   - event: What the record is about.
    ///   - request: The request.
    ///   - outcome: `identity`, `denied`, `badlogin` or `error`.
    ///   - reason: The stable code.
    ///   - message: What was decided, for a person.
    public init(
        date: Date,
        event: Event,
        request: ExecutionRequest,
        outcome: String,
        reason: String,
        message: String
    ) {
        self.date = date
        self.event = event
        self.request = request
        self.outcome = outcome
        self.reason = reason
        self.message = message
        self.rules = []
    }
}
