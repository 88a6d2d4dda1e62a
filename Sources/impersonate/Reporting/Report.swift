import Impersonation
import SystemPackage

/// What `explain --json` and `run --report` tell: one shape for both.
///
/// The keys of a decision are always there, `null` where nothing is known; those of a launch are there for `run` only.
struct Report: Codable, Sendable {
    /// A rule and the place it comes from.
    struct Rule: Codable, Sendable, Hashable {
        var rule: String
        var source: String
        var line: Int?
        var text: String

        init(_ entry: Explanation.Entry) {
            rule = entry.rule
            source = entry.source.origin
            line = entry.source.line
            text = entry.text
        }

        /// Writes all four keys, `line` as `null` where the source is no file.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(rule, forKey: .rule)
            try container.encode(source, forKey: .source)
            try container.encode(line, forKey: .line)
            try container.encode(text, forKey: .text)
        }

        private enum CodingKeys: String, CodingKey {
            case rule, source, line, text
        }
    }

    /// How the command ended: one of the two keys.
    struct Status: Codable, Sendable, Hashable {
        var exited: Int32?
        var signaled: Int32?

        init(_ status: TerminationStatus) {
            switch status {
            case .exited(let code): exited = code
            case .signaled(let signal, _): signaled = signal.rawValue
            }
        }
    }

    /// What holds the processes of the command together.
    struct Containment: Codable, Sendable, Hashable {
        /// `controlGroup`, `leavableControlGroup`, `session` or `firstProcess`.
        var kind: String

        /// The directory of its cgroup, where it has one.
        var path: String?

        init(_ containment: Impersonation.Containment) {
            switch containment {
            case .controlGroup(let group): (kind, path) = ("controlGroup", group.string)
            case .leavableControlGroup(let group): (kind, path) = ("leavableControlGroup", group.string)
            case .session: kind = "session"
            case .firstProcess: kind = "firstProcess"
            }
        }

        /// Writes both keys, `path` as `null` where there is no cgroup.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(kind, forKey: .kind)
            try container.encode(path, forKey: .path)
        }

        private enum CodingKeys: String, CodingKey {
            case kind, path
        }
    }

    /// What the command used; times in seconds.
    struct Usage: Codable, Sendable, Hashable {
        var wall: Double
        var user: Double
        var system: Double
        var peakResidentBytes: Int?

        /// Blocks of 512 bytes.
        var inputBlocks: Int
        var outputBlocks: Int

        private enum CodingKeys: String, CodingKey {
            case wall, user, system
            case peakResidentBytes = "peak_resident_bytes"
            case inputBlocks = "input_blocks"
            case outputBlocks = "output_blocks"
        }

        init(_ usage: ResourceUsage) {
            wall = usage.wallTime.seconds
            user = usage.userTime.seconds
            system = usage.systemTime.seconds
            peakResidentBytes = usage.peakResidentBytes
            inputBlocks = usage.inputBlocks
            outputBlocks = usage.outputBlocks
        }
    }

    /// How long the stages took, in seconds.
    struct Timings: Codable, Sendable, Hashable {
        /// From the launch to the confirmed start.
        var start: Double?

        /// The parts of the start, see ``Impersonation/LaunchTimings``.
        var preparation: Double?
        var clone: Double?
        var confirmation: Double?

        /// From the first look at the request to the report.
        var total: Double

        init(_ launch: LaunchTimings?, total: Duration) {
            start = launch?.total.seconds
            preparation = launch?.preparation.seconds
            clone = launch?.clone.seconds
            confirmation = launch?.confirmation.seconds
            self.total = total.seconds
        }
    }

    /// What came of a launch.
    struct Launch: Codable, Sendable {
        var executable: String
        var backend: String?
        var pid: Int32?
        var workingDirectory: String?
        var containment: Containment?
        var attestation: String?
        var omittedVariables: [String]?
        var status: Status?
        var timedOut = false

        /// How many processes of it could not be ended, at least.
        var remainingProcesses: Int?
        var step: String?
        var errno: Int32?
        var usage: Usage?
        var timings: Timings?

        init(executable: String) {
            self.executable = executable
        }
    }

    /// `identity`, `denied`, `badlogin` or `error`.
    var outcome: String

    /// The stable code of the decision, or of what failed.
    var reason: String

    /// What was decided, for a person.
    var message: String

    var login: String?
    var requested: String?
    var mode: String?
    var account: String?
    var domain: String?
    var uid: UInt32?
    var gid: UInt32?
    var groups: [UInt32]?
    var rules: [Rule]
    var alternatives: [String]
    var launch: Launch?

    /// Reports that something failed before or after a decision.
    init(error reason: String, message: String, request: ExecutionRequest, explanation: Explanation = Explanation()) {
        outcome = "error"
        self.reason = reason
        self.message = message
        login = request.login
        requested = request.requestedAccount
        rules = explanation.entries.map(Rule.init)
        alternatives = explanation.alternatives
        // A decision begins with the mode in force, so a denial has one too.
        mode = ExecutionMode.allCases.first { explanation.entries.first?.rule == "\($0.rawValue)Mode" }?.rawValue
    }

    /// Reports a decision.
    init(_ resolution: Resolution, request: ExecutionRequest) {
        self.init(
            error: resolution.reason,
            message: resolution.message,
            request: request,
            explanation: resolution.explanation
        )
        outcome = resolution.outcome
        // Nobody can add a grant where this tool would find it.
        if case .denied(let denial, _) = resolution, denial.reason == .notGranted {
            message += "; the program that starts jobs keeps grants, and this tool knows none"
        }
        if let identity = resolution.identity { describe(identity) }
    }

    /// Reports that a request could not be decided, written down or carried out.
    init(_ error: ImpersonationError, request: ExecutionRequest) {
        self.init(
            error: error.reason,
            message: error.message,
            request: request,
            explanation: error.explanation
        )
        if let identity = error.resolution?.identity { describe(identity) }
    }

    private mutating func describe(_ identity: ExecutionIdentity) {
        mode = identity.mode.rawValue
        account = identity.account.name.spelling
        domain = identity.account.name.domain
        uid = identity.account.userID.rawValue
        gid = identity.account.groupID.rawValue
        groups = identity.account.groups.map(\.rawValue)
    }
}

extension ImpersonationError {
    /// The most exact stable code there is.
    fileprivate var reason: String {
        switch underlyingError {
        case let error as ResolutionError: error.code.description
        case let error as LaunchError: error.code.description
        case let error as CredentialStoreError: error.code.description
        default: code.description
        }
    }
}

extension Duration {
    /// The time in seconds.
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
