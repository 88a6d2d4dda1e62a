import FoundationEssentials
import Impersonation
import Synchronization

/// A registry that answers what a test says, however impossible, and records what it is asked.
final class FixedProxyRegistry: ProxyRegistry {
    let source = RuleSource.named("fixed registry")
    private let answer: @Sendable (AccountName) throws -> ProxyStanding
    private let asked = Mutex<[AccountName]>([])

    init(_ answer: @escaping @Sendable (AccountName) throws -> ProxyStanding) {
        self.answer = answer
    }

    /// The logins it was asked about, in order.
    var questions: [AccountName] { asked.withLock { $0 } }

    func standing(of login: AccountName) async throws(ProxyRegistryError) -> ProxyStanding {
        asked.withLock { $0.append(login) }
        do {
            return try answer(login)
        } catch {
            throw Self.readOnly
        }
    }

    func add(_ grant: Grant) async throws(ProxyRegistryError) { throw Self.readOnly }

    func revoke(login: AccountName, account: AccountName) async throws(ProxyRegistryError) -> Bool {
        throw Self.readOnly
    }

    func revokeAll(login: AccountName) async throws(ProxyRegistryError) -> Int { throw Self.readOnly }

    func grants(for login: AccountName?) async throws(ProxyRegistryError) -> [Grant] { throw Self.readOnly }

    func bind(
        _ login: AccountName,
        to account: AccountName,
        onConflict conflict: BindingConflict,
        at date: Date,
        from remoteAddress: String?
    ) async throws(ProxyRegistryError) -> BindingOutcome {
        throw Self.readOnly
    }

    func clearBinding(of login: AccountName) async throws(ProxyRegistryError) -> Binding? { throw Self.readOnly }

    private static let readOnly = ProxyRegistryError(.unavailable, message: "a registry of a test that only answers")
}
