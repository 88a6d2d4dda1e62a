import FoundationEssentials
import Impersonation

/// A registry whose store cannot be reached.
struct UnreachableProxyRegistry: ProxyRegistry {
    let source = RuleSource.named("unreachable registry")

    private var failure: ProxyRegistryError {
        ProxyRegistryError(.unavailable, message: "the store does not answer")
    }

    func standing(of login: AccountName) async throws(ProxyRegistryError) -> ProxyStanding { throw failure }
    func add(_ grant: Grant) async throws(ProxyRegistryError) { throw failure }
    func revoke(login: AccountName, account: AccountName) async throws(ProxyRegistryError) -> Bool { throw failure }
    func revokeAll(login: AccountName) async throws(ProxyRegistryError) -> Int { throw failure }
    func grants(for login: AccountName?) async throws(ProxyRegistryError) -> [Grant] { throw failure }
    func clearBinding(of login: AccountName) async throws(ProxyRegistryError) -> Binding? { throw failure }

    func bind(
        _ login: AccountName,
        to account: AccountName,
        onConflict conflict: BindingConflict,
        at date: Date,
        from remoteAddress: String?
    ) async throws(ProxyRegistryError) -> BindingOutcome { throw failure }
}
