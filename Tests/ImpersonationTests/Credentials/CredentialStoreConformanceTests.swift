import Impersonation
import ImpersonationTesting
import Testing

@Suite("The conformance suite for credential stores")
struct CredentialStoreConformanceTests {
    @Test(
        "notices a store that",
        arguments: [
            (.ignoresDomains, "accounts are compared by their canonical form"),
            (.truncatesAtNewline, "every byte a secret can have is kept"),
            (.startsVersionsAnewAfterRemoval, "versions grow with every registration"),
            (.keepsVersionOfSamePassword, "versions grow with every registration"),
            (.opensSuperseded, "a newer credential takes the place of the older"),
            (.opensRejected, "a rejected credential is a badlogin for the reason"),
            (.acceptsAfterRejection, "a rejected credential stays rejected"),
            (.liftsNothing, "a newer credential lifts a rejection"),
            (.hitsWhateverIsCurrent, "a verdict on a version that is not current is ignored"),
            (.hitsWhateverIsCurrent, "a rejection never hits the credential that was registered meanwhile"),
            (.forgetsReason, "a rejected credential is a badlogin for the reason"),
            (.keepsStatusOnRemoval, "a removed credential is gone"),
            (.rejectsOthersToo, "accounts do not get in each other's way"),
            (.readsBeforeRegistering, "of 1,000 registrations at a time"),
        ] as [(FaultyCredentialStore.Fault, String)]
    )
    func notices(fault: FaultyCredentialStore.Fault, promise: String) async throws {
        let requirement = try #require(
            CredentialStoreConformance.requirements.first { $0.name.hasPrefix(promise) }
        )
        let failure = await #expect(throws: ConformanceFailure.self) {
            try await requirement.check(FaultyCredentialStore(fault))
        }
        #expect(failure?.requirement == requirement.name)
    }

    @Test("runs every requirement on a store of its own")
    func checkAll() async throws {
        var made = 0
        try await CredentialStoreConformance.checkAll {
            made += 1
            return InMemoryCredentialStore()
        }
        #expect(made == CredentialStoreConformance.requirements.count)
    }
}
