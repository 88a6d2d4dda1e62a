import Impersonation
import ImpersonationTesting
import Testing

@Suite("The registry in memory")
struct InMemoryProxyRegistryTests {
    @Test("keeps the promise that", arguments: ProxyRegistryConformance.requirements)
    func conformance(requirement: ProxyRegistryConformance.Requirement) async throws {
        try await requirement.check(InMemoryProxyRegistry())
    }

    @Test("is called what its host calls it")
    func source() {
        #expect(InMemoryProxyRegistry().source == .named("in-memory registry"))
        #expect(InMemoryProxyRegistry(source: .program).source == .program)
    }
}
