import FoundationEssentials
import Impersonation
import ImpersonationTesting
import Synchronization
import Testing

@Suite("The credential store in memory")
struct InMemoryCredentialStoreTests {
    @Test("keeps the promise that", arguments: CredentialStoreConformance.requirements)
    func conformance(requirement: CredentialStoreConformance.Requirement) async throws {
        try await requirement.check(InMemoryCredentialStore())
    }

    @Test("dates what happens by the clock it was given")
    func dates() async throws {
        let clock = Mutex(Date(timeIntervalSince1970: 1_800_000_000))
        let store = InMemoryCredentialStore(now: { clock.withLock { $0 } })
        let alice = try AccountName("alice")
        var password = Array("correct horse".utf8)
        let version = try await store.register(Secret(consumingBytes: &password), for: alice)
        clock.withLock { $0 += 60 }
        try await store.record(.accepted, for: alice, version: version)
        clock.withLock { $0 += 60 }
        try await store.record(.rejected(.accountLocked), for: alice, version: version)
        clock.withLock { $0 += 60 }

        let start = Date(timeIntervalSince1970: 1_800_000_000)
        let rejection = CredentialStatus.Rejection(date: start + 120, reason: .accountLocked)
        let expected = CredentialStatus(
            account: alice,
            version: version,
            registered: start,
            lastAccepted: start + 60,
            rejection: rejection
        )
        #expect(try await store.status(of: alice) == expected)
        guard case .badLogin(let badLogin) = try await store.check(alice) else {
            Issue.record("a rejected credential is usable")
            return
        }
        #expect(badLogin.message.contains("2027-01-15T08:02:00Z"))
    }
}
