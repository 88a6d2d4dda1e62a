public import FoundationEssentials
import Synchronization

/// A registry that forgets everything when the process ends: for tests, and for hosts that keep grants elsewhere and
/// load them at start.
///
/// Every method takes one lock for as long as it looks and changes, so none of them suspends and each is one
/// transaction. One that several resolvers share is one registry.
public final class InMemoryProxyRegistry: ProxyRegistry {
    /// Everything the registry holds.
    private struct State {
        /// Grants by login, ordered by account, so that a resolution copies no more than a reference.
        ///
        /// Logins without any are absent.
        var grants: [AccountName: [Grant]] = [:]

        /// How many logins have a grant for an account; accounts without one are absent.
        var logins: [AccountName: Int] = [:]

        /// Bindings by login.
        var bindings: [AccountName: Binding] = [:]

        func grant(login: AccountName, account: AccountName) -> Grant? {
            let own = grants[login, default: []]
            let index = InMemoryProxyRegistry.position(of: account, in: own)
            return index < own.count && own[index].account == account ? own[index] : nil
        }

        mutating func insert(_ grant: Grant) {
            let index = InMemoryProxyRegistry.position(of: grant.account, in: grants[grant.login, default: []])
            if self.grant(login: grant.login, account: grant.account) != nil {
                grants[grant.login, default: []][index] = grant
            } else {
                grants[grant.login, default: []].insert(grant, at: index)
                logins[grant.account, default: 0] += 1
            }
        }

        mutating func removeGrant(login: AccountName, account: AccountName) -> Bool {
            guard grant(login: login, account: account) != nil else { return false }
            grants[login, default: []].removeAll { $0.account == account }
            if grants[login]?.isEmpty == true { grants[login] = nil }
            let others = logins[account, default: 1] - 1
            logins[account] = others > 0 ? others : nil
            if bindings[login]?.account == account { bindings[login] = nil }
            return true
        }
    }

    /// A name for explanations: where a grant or a binding was found.
    public let source: RuleSource

    private let state = Mutex(State())

    /// Creates an empty registry.
    ///
    /// - Parameter source: What explanations call it.
    public init(source: RuleSource = .named("in-memory registry")) {
        self.source = source
    }

    /// Everything the resolver needs to know about one login, read at one point in time.
    ///
    /// Never throws.
    public func standing(of login: AccountName) async throws(ProxyRegistryError) -> ProxyStanding {
        state.withLock { state in
            ProxyStanding(
                login: login,
                grants: state.grants[login, default: []],
                binding: state.bindings[login],
                isProxyAccount: state.logins[login] != nil
            )
        }
    }

    /// Permits a login to act as an account, in place of an earlier grant for the same pair.
    ///
    /// - Parameter grant: The permission.
    /// - Throws: ``ProxyRegistryError`` with the code `selfGrant` when login and account are the same, and `proxyMayNotProxy` when the
    ///   login is itself a proxy account, or the account may act for others.
    public func add(_ grant: Grant) async throws(ProxyRegistryError) {
        let (login, account) = (grant.login, grant.account)
        guard login != account else {
            throw ProxyRegistryError(
                .selfGrant,
                message: "\(login) and \(account) are the same account, which needs no grant to act as itself: leave "
                    + "the grant out"
            )
        }
        try state.withLock { state throws(ProxyRegistryError) in
            if state.logins[login] != nil {
                throw ProxyRegistryError(
                    .proxyMayNotProxy,
                    message: "\(login) is itself a proxy account, others may act as it, so it cannot get a grant to "
                        + "act as \(account): grant \(account) to the people instead, or revoke the grants for "
                        + "\(login) first"
                )
            }
            if state.grants[account] != nil {
                throw ProxyRegistryError(
                    .proxyMayNotProxy,
                    message: "\(account) holds grants to act as others, so nobody can get a grant to act as it and "
                        + "\(login) was not given one: revoke the grants of \(account) first"
                )
            }
            state.insert(grant)
        }
    }

    /// Ends the permission of a login to act as an account, and the binding that rests on it.
    ///
    /// Never throws.
    @discardableResult
    public func revoke(login: AccountName, account: AccountName) async throws(ProxyRegistryError) -> Bool {
        state.withLock { $0.removeGrant(login: login, account: account) }
    }

    /// Ends every permission of a login, and its binding.
    ///
    /// Never throws.
    @discardableResult
    public func revokeAll(login: AccountName) async throws(ProxyRegistryError) -> Int {
        state.withLock { state in
            let accounts = state.grants[login, default: []].map(\.account)
            for account in accounts {
                _ = state.removeGrant(login: login, account: account)
            }
            return accounts.count
        }
    }

    /// Lists grants, ended ones too, ordered by login and account.
    ///
    /// Never throws.
    public func grants(for login: AccountName?) async throws(ProxyRegistryError) -> [Grant] {
        state.withLock { state in
            if let login { return state.grants[login, default: []] }
            return state.grants.sorted { Self.precedes($0.key, $1.key) }.flatMap(\.value)
        }
    }

    /// Binds a login to the one proxy account it acts as from now on, in one step with the check of its grant.
    ///
    /// Never throws.
    public func bind(
        _ login: AccountName,
        to account: AccountName,
        onConflict conflict: BindingConflict,
        at date: Date,
        from remoteAddress: String?
    ) async throws(ProxyRegistryError) -> BindingOutcome {
        state.withLock { state in
            if login == account { return .cleared(state.bindings.removeValue(forKey: login)) }
            let earlier = state.bindings[login]
            let standing = ProxyStanding(
                login: login,
                grants: state.grants[login, default: []],
                binding: earlier,
                isProxyAccount: state.logins[login] != nil
            )
            if let denial = standing.denial(actingAs: account, at: date, from: remoteAddress) {
                return .refused(denial, standing: earlier)
            }
            if let earlier {
                if earlier.account == account { return .bound(earlier, replaced: nil) }
                let inForce = state.grant(login: login, account: earlier.account)?.holds(at: date) == true
                if conflict == .refuse, inForce {
                    let denial = Denial(
                        .boundToAnotherAccount,
                        message: "\(login) acts as \(earlier.account) right now, so it cannot be bound to \(account): "
                            + "clear that binding first"
                    )
                    return .refused(denial, standing: earlier)
                }
            }
            let binding = Binding(login: login, account: account, since: date)
            state.bindings[login] = binding
            return .bound(binding, replaced: earlier)
        }
    }

    /// Lets a login act as itself again.
    ///
    /// Never throws.
    @discardableResult
    public func clearBinding(of login: AccountName) async throws(ProxyRegistryError) -> Binding? {
        state.withLock { $0.bindings.removeValue(forKey: login) }
    }

    /// Where the grant for an account stands, or would stand, among the grants of one login.
    private static func position(of account: AccountName, in grants: [Grant]) -> Int {
        var range = grants.startIndex..<grants.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range =
                precedes(grants[middle].account, account)
                ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }

    /// Orders names by the bytes of their canonical forms, as a store on SQL does with a binary collation.
    private static func precedes(_ left: AccountName, _ right: AccountName) -> Bool {
        left.canonical.utf8.lexicographicallyPrecedes(right.canonical.utf8)
    }
}
