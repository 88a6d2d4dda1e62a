import FoundationEssentials

/// What a registry says about one login under every spelling the login has at this site.
struct ProxyRights {
    /// A grant that holds, or why there is none.
    enum Judgement {
        case granted(Grant)
        case denied(Denial)
    }

    let login: AccountName
    let source: RuleSource
    private let naming: AccountNaming
    private let standings: [ProxyStanding]

    /// Reads what the registry knows right now.
    ///
    /// A registry that answers for another login than it was asked for has not answered.
    static func read(
        of login: AccountName,
        naming: AccountNaming,
        from registry: any ProxyRegistry
    ) async throws(ProxyRegistryError) -> ProxyRights {
        var standings: [ProxyStanding] = []
        for spelling in naming.spellings(of: login) {
            let standing = try await registry.standing(of: spelling)
            guard standing.login == spelling, standing.binding.map({ $0.login == spelling }) ?? true else {
                throw ProxyRegistryError(
                    .unavailable,
                    message: "\(registry.source) was asked about \(spelling) and answered about somebody else; "
                        + "repair the registry"
                )
            }
            standings.append(standing)
        }
        return ProxyRights(login: login, source: registry.source, naming: naming, standings: standings)
    }

    /// Whether others may act as the login, so that it may act for nobody.
    var isProxyAccount: Bool { standings.contains(where: \.isProxyAccount) }

    /// What the login acts as right now: one binding, or more only where its spellings are bound differently.
    var bindings: [Binding] {
        standings.compactMap(\.binding)
            .reduce(into: []) { found, binding in
                if !found.contains(where: { naming.areOneName($0.account, binding.account) }) { found.append(binding) }
            }
    }

    /// Looks for a grant that holds for exactly one account.
    func judgement(actingAs account: AccountName, at date: Date, from remoteAddress: String?) -> Judgement {
        var denials: [Denial] = []
        // A proxy account under one spelling is a proxy account under each.
        let deciding = standings.first(where: \.isProxyAccount).map { [$0] } ?? standings
        for standing in deciding {
            for spelling in naming.spellings(of: account) {
                if let denial = standing.denial(actingAs: spelling, at: date, from: remoteAddress) {
                    denials.append(denial)
                } else if let grant = standing.grants.first(where: {
                    $0.login == standing.login && $0.account == spelling
                }) {
                    return .granted(grant)
                }
            }
        }
        let exact = denials.first { $0.reason != .notGranted }
        return .denied(
            exact ?? denials.first
                ?? Denial(
                    .notGranted,
                    message: "\(login) has no grant to act as \(account): ask an administrator to add one"
                )
        )
    }
}
