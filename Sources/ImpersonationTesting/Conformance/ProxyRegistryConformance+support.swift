import FoundationEssentials
import Impersonation

extension ProxyRegistryConformance {
    /// The moment the checks happen at.
    static let now = Date(timeIntervalSince1970: 1_800_000_000)

    static func name(_ text: String) throws -> AccountName {
        try AccountName(text)
    }

    static func grant(
        _ login: String,
        _ account: String,
        until: Date? = nil,
        addresses: AddressScope = .anywhere
    ) throws -> Grant {
        Grant(login: try name(login), account: try name(account), until: until, addresses: addresses)
    }

    static func networks(_ texts: String...) throws -> AddressScope {
        .networks(
            try texts.map { text in
                guard let prefix = NetworkPrefix(text) else { throw Violation(message: "\(text) is no network") }
                return prefix
            }
        )
    }

    static func bind(
        _ registry: any ProxyRegistry,
        _ login: String,
        to account: String,
        onConflict conflict: BindingConflict = .replace,
        at date: Date = now,
        from remoteAddress: String? = nil
    ) async throws -> BindingOutcome {
        try await registry.bind(
            name(login),
            to: name(account),
            onConflict: conflict,
            at: date,
            from: remoteAddress
        )
    }

    /// Binds where the binding must come about.
    static func mustBind(
        _ registry: any ProxyRegistry,
        _ login: String,
        to account: String,
        onConflict conflict: BindingConflict = .replace,
        at date: Date = now,
        from remoteAddress: String? = nil
    ) async throws -> (binding: Binding, replaced: Binding?) {
        let outcome = try await bind(registry, login, to: account, onConflict: conflict, at: date, from: remoteAddress)
        guard case .bound(let binding, let replaced) = outcome else {
            throw Violation(message: "binding \(login) to \(account) gave \(outcome), expected a binding")
        }
        try require("the login of the binding", binding.login, is: name(login))
        try require("the account of the binding", binding.account, is: name(account))
        return (binding, replaced)
    }

    /// Binds where the binding must be refused for a reason, and what stood before must still stand.
    static func mustRefuse(
        _ registry: any ProxyRegistry,
        _ login: String,
        to account: String,
        onConflict conflict: BindingConflict = .replace,
        at date: Date = now,
        from remoteAddress: String? = nil,
        because reason: Denial.Reason
    ) async throws {
        let before = try await registry.standing(of: name(login)).binding
        let outcome = try await bind(registry, login, to: account, onConflict: conflict, at: date, from: remoteAddress)
        guard case .refused(let denial, let standing) = outcome else {
            throw Violation(message: "binding \(login) to \(account) gave \(outcome), expected \(reason)")
        }
        try require("the reason of the refusal", denial.reason, is: reason)
        for text in [login, account] where !denial.message.contains(text) {
            throw Violation(message: "the refusal does not name \(text): \(denial.message)")
        }
        try require("the standing binding in the refusal", standing, is: before)
        try await mustBeBound(registry, login, before)
    }

    /// Reads the binding of a login, which must be a certain one.
    static func mustBeBound(_ registry: any ProxyRegistry, _ login: String, _ expected: Binding?) async throws {
        let standing = try await registry.standing(of: name(login))
        try require("the binding of \(login)", standing.binding, is: expected)
    }

    /// Adds a grant that must be refused with a code, and must change nothing.
    static func mustRefuse(
        _ registry: any ProxyRegistry,
        _ grant: Grant,
        because code: ProxyRegistryError.Code
    ) async throws {
        let before = try await registry.grants(for: nil)
        do {
            try await registry.add(grant)
        } catch {
            try require("the code of the refused grant", error.code, is: code)
            for text in [grant.login.spelling, grant.account.spelling] where !error.message.contains(text) {
                throw Violation(message: "the error does not name \(text): \(error.message)")
            }
            try require("the list of grants after the refusal", await registry.grants(for: nil), is: before)
            return
        }
        throw Violation(message: "a grant for \(grant.login) to act as \(grant.account) was added, expected \(code)")
    }
}
