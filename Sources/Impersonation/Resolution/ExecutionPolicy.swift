/// Everything a worker has decided beforehand about the accounts of its jobs: one immutable snapshot.
public struct ExecutionPolicy: Sendable {
    /// Whose account jobs run with.
    public var mode: Sourced<ExecutionMode>

    /// The bare name of the account that every job runs as in proxy mode; without any influence in the other modes.
    public var proxyAccount: Sourced<String>

    /// The domain every bare account name belongs to, or `nil` when the local accounts come first.
    public var hostDomain: Sourced<String?>

    /// The domains that are searched, in this order, for a bare name that is no local account.
    public var visibleDomains: Sourced<[String]>

    /// The rules every account has to pass.
    public var accountRules: AccountRules

    /// How account names are spelt at this site.
    public var nameSyntax: AccountNameSyntax

    /// The account Qube!'s worker package makes and uses unless told otherwise.
    public static let defaultProxyAccount = "qubeproxy"

    /// Creates a policy.
    ///
    /// The defaults are those of Qube! in service mode: proxy mode as `qubeproxy`.
    ///
    /// - Parameters:
    ///   - mode: Whose account jobs run with.
    ///   - proxyAccount: The bare name of the account for proxy mode.
    ///   - hostDomain: The domain every bare account name belongs to.
    ///   - visibleDomains: The domains searched for a bare name that is no local account.
    ///   - accountRules: The rules every account has to pass.
    ///   - nameSyntax: How account names are spelt at this site.
    public init(
        mode: Sourced<ExecutionMode> = Sourced(.proxy, from: .builtIn),
        proxyAccount: Sourced<String> = Sourced(defaultProxyAccount, from: .builtIn),
        hostDomain: Sourced<String?> = Sourced(nil, from: .builtIn),
        visibleDomains: Sourced<[String]> = Sourced([], from: .builtIn),
        accountRules: AccountRules = .standard,
        nameSyntax: AccountNameSyntax = .standard
    ) {
        self.mode = mode
        self.proxyAccount = proxyAccount
        self.hostDomain = hostDomain
        self.visibleDomains = visibleDomains
        self.accountRules = accountRules
        self.nameSyntax = nameSyntax
    }
}
