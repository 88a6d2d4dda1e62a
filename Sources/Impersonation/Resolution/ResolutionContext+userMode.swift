import FoundationEssentials
import SystemPackage

extension ResolutionContext {
    /// User mode: the account the request names, else the one the login is bound to, else the login itself.
    ///
    /// The right to act as another account is checked before the directory is asked for it, and anew each time.
    ///
    /// - Parameters:
    ///   - registry: Who may act as whom.
    ///   - now: The clock: a grant has to hold once the registry has answered, and still when everything is decided.
    /// - Returns: The identity.
    /// - Throws: ``ResolutionStop`` when the job does not run.
    mutating func resolveInUserMode(
        registry: any ProxyRegistry,
        now: @Sendable () -> Date
    ) async throws(ResolutionStop) -> ExecutionIdentity {
        note("userMode", from: policy.mode.source, "every job runs as its own account")
        let login = try login()
        if let authenticated = request.loginUserID { try await require(login, toBe: authenticated) }
        noteAlternative("with proxy_execution_mode = proxy: \(policy.proxyAccount.value.printable())")
        let target =
            if let requested = request.requestedAccount {
                try await target(named: requested, by: login, registry: registry, now: now)
            } else {
                try await target(of: login, registry: registry, now: now)
            }
        let found = try await find(target.account)
        let identity = try await admit(found, login: login)
        // Directories may take their time, and a right that ends meanwhile is none.
        if let grant = target.right.grant, !grant.holds(at: now()) {
            let message =
                "the grant of \(grant.login) for \(grant.account) ended while the account was looked up: ask for another"
            throw refusing("grant", from: target.right.source, Denial(.grantExpired, message: message))
        }
        note(target.right.rule, from: target.right.source, "\(target.right.text); the job runs as \(found.summary)")
        return identity
    }

    /// Refuses a login whose name means another account here than the one it was authenticated as.
    private mutating func require(_ login: AccountName, toBe authenticated: UserID) async throws(ResolutionStop) {
        // A context is a value: what this search notes stands in the explanation only when it is the end.
        var search = self
        let found: FoundAccount
        do throws(ResolutionStop) {
            found = try await search.find(login)
        } catch {
            self = search
            throw error
        }
        guard found.account.userID != authenticated else { return }
        let message =
            "\(login) was authenticated by user id \(authenticated.rawValue), but at this site that name means "
            + "\(found.summary): use an account whose name means itself, or change worker_host_domain"
        throw refusing("login", from: .request, Denial(.loginMismatch, message: message))
    }

    /// The account a request names: the login itself, or another one it may act as.
    private mutating func target(
        named text: String,
        by login: AccountName,
        registry: any ProxyRegistry,
        now: @Sendable () -> Date
    ) async throws(ResolutionStop) -> Target {
        let requested = try name(text, role: "requestedAccount")
        note("requestedAccount", from: .request, "\(login) asks to run as \(requested)")
        if naming.areOneName(login, requested) {
            return Target(account: requested, right: .oneself("\(login) may always act as itself"))
        }
        let rights = try await rights(of: login, in: registry)
        noteAlternative("without naming an account: runs as \(rights.bindings.first?.account ?? login)")
        switch judge(rights, actingAs: requested, at: now()) {
        case .may(let right):
            return Target(account: requested, right: right)
        case .mayNot(let refusal):
            // MYCORP\alice and alice@mycorp.test may be one account; only the directory can tell.
            if try await areOneAccount(login, requested) {
                let text = "\(login) and \(requested) are one account, and it may always act as itself"
                return Target(account: requested, right: .oneself(text))
            }
            throw refusing(refusal.rule, from: refusal.source, refusal.denial)
        }
    }

    /// The account of a request that names none: the one the login is bound to, or the login itself.
    private mutating func target(
        of login: AccountName,
        registry: any ProxyRegistry,
        now: @Sendable () -> Date
    ) async throws(ResolutionStop) -> Target {
        let rights = try await rights(of: login, in: registry)
        guard let binding = rights.bindings.first else {
            return Target(account: login, right: .oneself("\(login) may always act as itself"))
        }
        let since = binding.since.ISO8601Format()
        note("binding", from: rights.source, "\(login) acts as \(binding.account) since \(since)")
        noteAlternative("without the binding: runs as \(login)")
        switch judge(rights, actingAs: binding.account, at: now()) {
        case .may(let right): return Target(account: binding.account, right: right)
        case .mayNot(let refusal): throw refusing(refusal.rule, from: refusal.source, refusal.denial)
        }
    }

    /// Decides whether a login may act as another account now.
    private func judge(_ rights: ProxyRights, actingAs account: AccountName, at date: Date) -> Judgement {
        let login = rights.login
        if let configured = try? proxyAccount(), naming.areOneName(login, configured) {
            let source = policy.proxyAccount.source
            let message =
                "\(login) is the worker's own proxy account (\(source)), so it may not act as \(account): "
                + "log in as the person"
            return .mayNot(Refusal("proxyMayNotProxy", source, Denial(.proxyMayNotProxy, message: message)))
        }
        if let binding = rights.bindings.first(where: { !naming.areOneName($0.account, account) }),
            !rights.isProxyAccount
        {
            let message =
                "\(login) acts as \(binding.account) right now, one account at a time, so it cannot act as \(account) "
                + "as well: name no account, or clear the binding of \(login) first"
            return .mayNot(Refusal("binding", rights.source, Denial(.boundToAnotherAccount, message: message)))
        }
        switch rights.judgement(actingAs: account, at: date, from: request.remoteAddress) {
        case .granted(let grant):
            return .may(Right(rule: "grant", source: rights.source, text: Self.text(of: grant), grant: grant))
        case .denied(let denial):
            let rule = denial.reason == .proxyMayNotProxy ? "proxyMayNotProxy" : "grant"
            return .mayNot(Refusal(rule, rights.source, denial))
        }
    }

    private func rights(
        of login: AccountName,
        in registry: any ProxyRegistry
    ) async throws(ResolutionStop) -> ProxyRights {
        do throws(ProxyRegistryError) {
            return try await ProxyRights.read(of: login, naming: naming, from: registry)
        } catch {
            throw .undecided(
                .registryUnavailable,
                message: "whom \(login) may act as could not be read from \(registry.source), so nothing runs: "
                    + "\(error)",
                underlyingError: error
            )
        }
    }

    private static func text(of grant: Grant) -> String {
        let end = grant.until.map { ", until \($0.ISO8601Format())" } ?? ""
        let scope = grant.addresses == .anywhere ? "" : ", from \(grant.addresses)"
        return "\(grant.login) may act as \(grant.account)\(end)\(scope)"
    }
}

/// The account a job is to run as in user mode, and the right to it.
private struct Target {
    let account: AccountName
    let right: Right
}

/// Why a login may act as an account.
private struct Right {
    let rule: String
    let source: RuleSource
    let text: String
    var grant: Grant?

    static func oneself(_ text: String) -> Right {
        Right(rule: "selfAllowed", source: .builtIn, text: text)
    }
}

/// Why a login may not act as an account, and which rule says so.
private struct Refusal {
    let rule: String
    let source: RuleSource
    let denial: Denial

    init(_ rule: String, _ source: RuleSource, _ denial: Denial) {
        self.rule = rule
        self.source = source
        self.denial = denial
    }
}

private enum Judgement {
    case may(Right)
    case mayNot(Refusal)
}
