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

    /// What is denied comes before what is allowed, so that a name on both lists is denied and its denial is what an
    /// explanation ends with.
    private var accountRules: AccountRules {
        var rules: [any AccountRule] = [MinimumUserIDRule(minimumUserID.value, from: minimumUserID.source)]
        if !deniedAccounts.value.isEmpty {
            rules.append(DeniedAccountsRule(deniedAccounts.value, from: deniedAccounts.source))
        }
        if !deniedGroups.value.isEmpty {
            rules.append(DeniedGroupsRule(deniedGroups.value, from: deniedGroups.source))
        }
        if let allowed = allowedAccounts.value {
            rules.append(AllowedAccountsRule(allowed, from: allowedAccounts.source))
        }
        if let allowed = allowedGroups.value {
            rules.append(AllowedGroupsRule(allowed, from: allowedGroups.source))
        }
        return AccountRules(rules)
    }
}
