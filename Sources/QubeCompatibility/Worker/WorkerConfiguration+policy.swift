public import Impersonation

extension WorkerConfiguration {
    /// How account names are spelt at this site.
    public var nameSyntax: AccountNameSyntax { AccountNameSyntax(separator: domainSeparator.value) }

    /// Whose account jobs run with: desktop mode beats `proxy_execution_mode`.
    public var executionMode: Sourced<ExecutionMode> {
        switch (serviceMode.value, proxyExecutionMode.value) {
        case (.desktop, _): Sourced(.desktop, from: serviceMode.source)
        case (.service, .user): Sourced(.user, from: proxyExecutionMode.source)
        case (.service, .proxy): Sourced(.proxy, from: proxyExecutionMode.source)
        }
    }

    /// What the configuration says, in the terms of a resolver.
    public var policy: ExecutionPolicy {
        ExecutionPolicy(
            mode: executionMode,
            proxyAccount: proxyAccount,
            hostDomain: hostDomain,
            visibleDomains: visibleDomains,
            accountRules: accountRules,
            nameSyntax: nameSyntax
        )
    }

    private var accountRules: AccountRules {
        AccountRules([MinimumUserIDRule(minimumUserID.value, from: minimumUserID.source)])
    }
}
