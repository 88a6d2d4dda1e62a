public import FoundationEssentials

/// Decides as whom a job runs, by a policy, a directory and a registry of grants.
///
/// - In **proxy mode** a job runs as the worker's proxy account, whoever submits it and whatever account it names.
/// - In **user mode** it runs as the account it names, else as the account its login is bound to, else as its login. To
///   be oneself needs no grant. To act as another account needs a grant for exactly that account which holds at this
///   very resolution, for the address the request came from; a login that is bound to an account acts as no other; and
///   a proxy account acts for nobody. A binding whose grant has ended refuses the job rather than run it as the login.
/// - In **desktop mode** it runs as the worker's own account, and nothing is switched. Neither the registry nor any
///   `proxy_*` setting is looked at.
///
/// A login has to be named in every mode, and every account has to pass ``AccountRules`` in every mode. Being oneself
/// is decided by names: two user ids that are equal do not make two accounts one.
///
/// A bare name is an account of the host domain where the policy has one; otherwise a local account, or else one of the
/// first visible domain that knows it. A qualified name is asked as it is written. A directory or a registry that
/// fails makes the resolution fail; it never looks like an account, a grant or a binding that is not there. Answers of
/// the directory are no older than ``AccountFreshness/cached``.
///
/// A resolver holds one policy for good. To change the policy, make another resolver; requests under way finish with
/// theirs.
public struct PolicyResolver: ExecutionIdentityResolver {
    /// What the resolver decides by.
    public let policy: ExecutionPolicy

    private let directory: any AccountDirectory
    private let registry: any ProxyRegistry
    private let currentAccount: CurrentAccount
    private let now: @Sendable () -> Date

    /// Creates a resolver.
    ///
    /// - Parameters:
    ///   - policy: What the worker has decided beforehand.
    ///   - directory: Where accounts and groups are looked up.
    ///   - registry: Who may act as whom; asked in user mode only.
    ///   - currentAccount: How the worker's own account is learnt; asked in desktop mode only.
    ///   - now: The time that grants are compared with.
    public init(
        policy: ExecutionPolicy,
        directory: any AccountDirectory,
        registry: any ProxyRegistry,
        currentAccount: CurrentAccount = .ofThisProcess,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.policy = policy
        self.directory = directory
        self.registry = registry
        self.currentAccount = currentAccount
        self.now = now
    }

    /// Decides as whom a job runs, without running anything.
    ///
    /// Cancelling the task makes a directory give up, and the resolution fail with ``ResolutionError/Code/cancelled``.
    ///
    /// - Parameter request: Who asks, and as whom.
    /// - Returns: The identity, a denial or a badlogin, each with every rule that had a say; the last one decided.
    /// - Throws: ``ResolutionError`` when the directory or the registry fails or the policy contradicts itself, with the
    ///   rules that had a say until then. Nothing may run then.
    public func resolve(_ request: ExecutionRequest) async throws(ResolutionError) -> Resolution {
        var context = ResolutionContext(request: request, policy: policy, directory: directory)
        do throws(ResolutionStop) {
            let identity =
                switch policy.mode.value {
                case .proxy: try await context.resolveInProxyMode()
                case .user: try await context.resolveInUserMode(registry: registry, now: now)
                case .desktop: try await context.resolveInDesktopMode(as: currentAccount)
                }
            return .identity(identity, because: context.explanation)
        } catch {
            switch error {
            case .denied(let denial): return .denied(denial, because: context.explanation)
            case .badLogin(let badLogin): return .badLogin(badLogin, because: context.explanation)
            case .undecided(let code, let message, let underlyingError):
                throw ResolutionError(
                    code,
                    message: message,
                    underlyingError: underlyingError,
                    explanation: context.explanation
                )
            }
        }
    }
}
