public import Impersonation
import Synchronization

/// A resolver that answers what a test wrote down beforehand, and records what it was asked.
///
/// Identities for its answers come from ``Impersonation/ExecutionIdentity/forTesting(account:login:mode:)``.
public final class ScriptedResolver: ExecutionIdentityResolver {
    /// One answer of a script.
    public enum Answer: Sendable {
        /// The request is decided like this.
        case resolves(Resolution)

        /// Nothing can be decided.
        case fails(ResolutionError)

        /// The request is allowed as an identity, with an explanation that names the script.
        ///
        /// - Parameter identity: As whom the job runs.
        /// - Returns: The answer.
        public static func identity(_ identity: ExecutionIdentity) -> Answer {
            .resolves(.identity(identity, because: explanation("runs as \(identity.account.name)")))
        }

        /// The request is refused, with an explanation that names the script.
        ///
        /// - Parameter denial: The refusal.
        /// - Returns: The answer.
        public static func denied(_ denial: Denial) -> Answer {
            .resolves(.denied(denial, because: explanation(denial.message)))
        }

        /// The account or its credential is not usable, with an explanation that names the script.
        ///
        /// - Parameter badLogin: The reason.
        /// - Returns: The answer.
        public static func badLogin(_ badLogin: BadLogin) -> Answer {
            .resolves(.badLogin(badLogin, because: explanation(badLogin.message)))
        }

        private static func explanation(_ text: String) -> Explanation {
            Explanation(entries: [Explanation.Entry(rule: "script", source: .named("scripted resolver"), text: text)])
        }
    }

    private struct State {
        var script: [Answer]
        var requests: [ExecutionRequest] = []
    }

    private let state: Mutex<State>
    private let rule: (@Sendable (ExecutionRequest) -> Answer)?

    /// Creates a resolver that gives each answer once, in order.
    ///
    /// A request after the last answer fails with ``Impersonation/ResolutionError/Code/invalidPolicy``.
    ///
    /// - Parameter script: The answers, in order.
    public init(_ script: [Answer]) {
        self.state = Mutex(State(script: script))
        self.rule = nil
    }

    /// Creates a resolver that answers every request by a rule.
    ///
    /// - Parameter rule: The answer to a request.
    public init(_ rule: @escaping @Sendable (ExecutionRequest) -> Answer) {
        self.state = Mutex(State(script: []))
        self.rule = rule
    }

    /// Every request so far, in order.
    public var requests: [ExecutionRequest] { state.withLock { $0.requests } }

    /// How many answers of the script have not been given yet.
    public var remainingAnswers: Int { state.withLock { $0.script.count } }

    /// Gives the next answer.
    public func resolve(_ request: ExecutionRequest) async throws(ResolutionError) -> Resolution {
        let written = state.withLock { state -> Answer? in
            state.requests.append(request)
            return state.script.isEmpty ? nil : state.script.removeFirst()
        }
        switch rule?(request) ?? written {
        case .resolves(let resolution): return resolution
        case .fails(let error): throw error
        case nil:
            throw ResolutionError(
                .invalidPolicy,
                message: "the script of the test has no answer left for a request of \(request.login ?? "nobody"); "
                    + "write one more"
            )
        }
    }
}
