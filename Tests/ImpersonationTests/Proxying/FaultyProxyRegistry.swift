import FoundationEssentials
import Impersonation
import Synchronization

/// A registry with one of the mistakes real ones make, to prove that the conformance suite notices each of them.
final class FaultyProxyRegistry: ProxyRegistry {
    enum Fault {
        case comparesSpelling
        case allowsChains
        case allowsProxyAccountsToAct
        case allowsGrantsForActingLogins
        case forgetsChainsWhenGrantsEnd
        case checksChainsBeforeAdding
        case changesGrantsOfOthers
        case losesNetworks
        case losesEnd
        case keepsBindingOnRevoke
        case keepsBindingOnRevokeAll
        case clearsBindingWithAnyGrant
        case removesBindingOnRegrant
        case bindsAfterTheEnd
        case endsASecondEarly
        case bindsFromAnywhere
        case bindsWithoutGrant
        case clearsBindingOnRefusal
        case replacesInsteadOfRefusing
        case refusesInsteadOfReplacing
        case renewsSameBinding
        case storesBindingToSelf
        case bindsInTwoSteps
        case checksConflictBeforeBinding
        case checksGrantBeforeBinding
        case reportsNothingReplaced
        case sharesBindingsBetweenLogins
        case clearsGrantsWithBinding
        case listsGrantsUnordered
        case hidesEndedGrants
    }

    /// The moment the suite checks at.
    private static let now = Date(timeIntervalSince1970: 1_800_000_000)

    let source = RuleSource.named("faulty registry")
    private let fault: Fault
    private let base = InMemoryProxyRegistry()
    private let bindings = Mutex<[AccountName: Binding]>([:])
    private let revocations = Mutex(0)
    private let attempts = Mutex(0)
    private let firstStandings = Mutex<[AccountName: ProxyStanding]>([:])

    init(_ fault: Fault) {
        self.fault = fault
    }

    private func name(_ name: AccountName) -> AccountName {
        guard fault == .comparesSpelling else { return name }
        let spelling = String(name.spelling.map { $0 == "\\" || $0 == "@" ? "." : $0 })
        return (try? AccountName(spelling)) ?? name
    }

    func standing(of login: AccountName) async throws(ProxyRegistryError) -> ProxyStanding {
        let standing = try await base.standing(of: name(login))
        var binding = standing.binding
        switch fault {
        case .keepsBindingOnRevoke, .keepsBindingOnRevokeAll, .storesBindingToSelf, .checksGrantBeforeBinding:
            binding = bindings.withLock { $0[login] }
        case .sharesBindingsBetweenLogins:
            binding = bindings.withLock { $0.values.first }
        default: break
        }
        return ProxyStanding(
            login: login,
            grants: try await grants(for: login),
            binding: binding,
            isProxyAccount: standing.isProxyAccount
        )
    }

    func add(_ grant: Grant) async throws(ProxyRegistryError) {
        let grant = Grant(
            login: name(grant.login),
            account: name(grant.account),
            until: fault == .losesEnd ? nil : grant.until,
            addresses: fault == .losesNetworks ? .anywhere : grant.addresses
        )
        var ignoresChains = fault == .allowsChains
        switch fault {
        case .allowsProxyAccountsToAct:
            ignoresChains = try await base.standing(of: grant.login).isProxyAccount
        case .allowsGrantsForActingLogins:
            ignoresChains = try await !base.grants(for: grant.account).isEmpty
        case .forgetsChainsWhenGrantsEnd:
            let ended = try await base.grants(for: nil).filter { !$0.holds(at: Self.now) }
            for grant in ended { try await base.revoke(login: grant.login, account: grant.account) }
        case .checksChainsBeforeAdding:
            let isHolder = try await !base.grants(for: grant.account).isEmpty
            let isProxy = try await base.standing(of: grant.login).isProxyAccount
            attempts.withLock { $0 += 1 }
            await waitForOthers(attempts)
            ignoresChains = !isHolder && !isProxy
        case .changesGrantsOfOthers:
            for other in try await base.grants(for: nil) where other.account == grant.account {
                try await base.revoke(login: other.login, account: other.account)
            }
        case .removesBindingOnRegrant:
            try await base.clearBinding(of: grant.login)
        default: break
        }
        do {
            try await base.add(grant)
        } catch {
            guard ignoresChains, error.code == .proxyMayNotProxy else { throw error }
        }
    }

    /// Lets others run until one of them has done what makes a check that was made before worth nothing.
    ///
    /// Nobody may ever do so, so the waiting has an end.
    private func waitForOthers(_ count: borrowing Mutex<Int>) async {
        let before = count.withLock { $0 }
        for _ in 0..<2_000 where count.withLock({ $0 }) == before { await Task.yield() }
    }

    /// What the first look at a login has shown: a check that is never made again.
    private func remembered(_ standing: ProxyStanding) -> ProxyStanding {
        firstStandings.withLock { first in
            if first[standing.login] == nil { first[standing.login] = standing }
            return first[standing.login] ?? standing
        }
    }

    func revoke(login: AccountName, account: AccountName) async throws(ProxyRegistryError) -> Bool {
        defer { revocations.withLock { $0 += 1 } }
        if fault == .clearsBindingWithAnyGrant { try await base.clearBinding(of: login) }
        if fault == .checksGrantBeforeBinding { bindings.withLock { $0[login] = nil } }
        return try await base.revoke(login: name(login), account: name(account))
    }

    func revokeAll(login: AccountName) async throws(ProxyRegistryError) -> Int {
        defer { revocations.withLock { $0 += 1 } }
        if [.keepsBindingOnRevoke, .checksGrantBeforeBinding].contains(fault) { bindings.withLock { $0[login] = nil } }
        return try await base.revokeAll(login: name(login))
    }

    func grants(for login: AccountName?) async throws(ProxyRegistryError) -> [Grant] {
        let grants = try await base.grants(for: login.map(name))
        return switch fault {
        case .listsGrantsUnordered: grants.reversed()
        case .hidesEndedGrants:
            grants.filter { $0.holds(at: Self.now) }
        default: grants
        }
    }

    func bind(
        _ login: AccountName,
        to account: AccountName,
        onConflict conflict: BindingConflict,
        at date: Date,
        from remoteAddress: String?
    ) async throws(ProxyRegistryError) -> BindingOutcome {
        var (conflict, date, remoteAddress) = (conflict, date, remoteAddress)
        let before = try await base.standing(of: login)
        attempts.withLock { $0 += 1 }
        let grant = before.grants.first { $0.account == account }
        switch fault {
        case .bindsAfterTheEnd: date = min(date, grant?.until ?? date)
        case .endsASecondEarly: date = date + 1
        case .bindsFromAnywhere:
            if case .networks(let networks)? = grant?.addresses {
                remoteAddress = networks.first.map { String($0.description.prefix { $0 != "/" }) }
            }
        case .bindsWithoutGrant where grant == nil && login != account && !before.isProxyAccount:
            try await base.add(Grant(login: login, account: account))
        case .clearsBindingOnRefusal where before.denial(actingAs: account, at: date, from: remoteAddress) != nil:
            try await base.clearBinding(of: login)
        case .replacesInsteadOfRefusing: conflict = .replace
        case .refusesInsteadOfReplacing: conflict = .refuse
        case .renewsSameBinding where before.binding?.account == account:
            try await base.clearBinding(of: login)
        case .storesBindingToSelf where login == account:
            let binding = Binding(login: login, account: account, since: date)
            let replaced = bindings.withLock { $0.updateValue(binding, forKey: login) }
            return .bound(binding, replaced: replaced)
        case .checksGrantBeforeBinding where grant?.account == account && grant?.holds(at: date) == true:
            await waitForOthers(revocations)
            let binding = Binding(login: login, account: account, since: date)
            let replaced = bindings.withLock { $0.updateValue(binding, forKey: login) }
            return .bound(binding, replaced: replaced)
        case .checksGrantBeforeBinding where grant == nil && login != account:
            // Refused at once, all its attempts would be over before the others have begun.
            await waitForOthers(revocations)
        case .checksConflictBeforeBinding where remembered(before).binding == nil:
            conflict = .replace
        default: break
        }
        if fault == .bindsInTwoSteps { await waitForOthers(attempts) }
        let outcome = try await base.bind(
            name(login),
            to: name(account),
            onConflict: conflict,
            at: date,
            from: remoteAddress
        )
        guard case .bound(let binding, _) = outcome else {
            if login == account { bindings.withLock { $0[login] = nil } }
            return outcome
        }
        bindings.withLock { $0[login] = binding }
        switch fault {
        case .bindsInTwoSteps: return .bound(binding, replaced: before.binding)
        case .reportsNothingReplaced: return .bound(binding, replaced: nil)
        default: return outcome
        }
    }

    func clearBinding(of login: AccountName) async throws(ProxyRegistryError) -> Binding? {
        bindings.withLock { $0[login] = nil }
        let cleared = try await base.clearBinding(of: name(login))
        if fault == .clearsGrantsWithBinding { try await base.revokeAll(login: login) }
        return cleared
    }
}
