import Impersonation
import ImpersonationTesting
import Testing

@Suite("The conformance suite for registries")
struct ProxyRegistryConformanceTests {
    @Test(
        "notices a registry that",
        arguments: [
            (.comparesSpelling, "names are compared by their canonical form"),
            (.allowsChains, "an account that others may act as gets no grant"),
            (.allowsProxyAccountsToAct, "an account that others may act as gets no grant"),
            (.allowsGrantsForActingLogins, "nobody gets a grant for an account that acts for others"),
            (.forgetsChainsWhenGrantsEnd, "a proxy account is one until the last grant for it is revoked"),
            (.checksChainsBeforeAdding, "of two grants at a time that would form a chain"),
            (.changesGrantsOfOthers, "revoking ends one grant"),
            (.losesNetworks, "a grant is kept with its end and its networks"),
            (.losesEnd, "a grant is kept with its end and its networks"),
            (.keepsBindingOnRevoke, "revoking a grant clears the binding that rests on it"),
            (.keepsBindingOnRevokeAll, "revoking everything ends every grant and the binding"),
            (.clearsBindingWithAnyGrant, "revoking a grant clears the binding that rests on it and no other"),
            (.removesBindingOnRegrant, "a grant for the same pair is replaced and the binding"),
            (.bindsAfterTheEnd, "a grant holds at its last moment and not a second later"),
            (.endsASecondEarly, "a grant holds at its last moment"),
            (.bindsFromAnywhere, "a grant holds for its networks only"),
            (.bindsWithoutGrant, "without a grant a login is not bound"),
            (.clearsBindingOnRefusal, "without a grant a login is not bound, and what it was bound to stands"),
            (.replacesInsteadOfRefusing, "a second binding is refused when the first must stand"),
            (.refusesInsteadOfReplacing, "a second binding replaces the first when it may"),
            (.renewsSameBinding, "binding again to the same account changes nothing"),
            (.storesBindingToSelf, "binding a login to itself clears its binding"),
            (.bindsInTwoSteps, "of 1,000 bindings at a time that replace"),
            (.reportsNothingReplaced, "of 1,000 bindings at a time that replace"),
            (.checksConflictBeforeBinding, "of 1,000 bindings at a time that must not replace"),
            (.checksGrantBeforeBinding, "a binding never outlives its grant"),
            (.sharesBindingsBetweenLogins, "several logins act as one account"),
            (.clearsGrantsWithBinding, "clearing gives the binding that was cleared, and keeps the grants"),
            (.listsGrantsUnordered, "grants are listed by login and account"),
            (.hidesEndedGrants, "grants are listed by login and account, ended ones too"),
        ] as [(FaultyProxyRegistry.Fault, String)]
    )
    func notices(fault: FaultyProxyRegistry.Fault, promise: String) async throws {
        let requirement = try #require(
            ProxyRegistryConformance.requirements.first { $0.name.hasPrefix(promise) }
        )
        let failure = await #expect(throws: ConformanceFailure.self) {
            try await requirement.check(FaultyProxyRegistry(fault))
        }
        #expect(failure?.requirement == requirement.name)
    }

    @Test("runs every requirement on a registry of its own")
    func checkAll() async throws {
        var made = 0
        try await ProxyRegistryConformance.checkAll {
            made += 1
            return InMemoryProxyRegistry()
        }
        #expect(made == ProxyRegistryConformance.requirements.count)
    }

    @Test("names the requirement and what threw, when a registry throws where it should not")
    func thrownErrors() async throws {
        let requirement = try #require(ProxyRegistryConformance.requirements.first)
        let failure = try #require(
            await #expect(throws: ConformanceFailure.self) {
                try await requirement.check(UnreachableProxyRegistry())
            }
        )
        #expect(failure.requirement == requirement.name)
        #expect(failure.underlyingError is ProxyRegistryError)
        #expect(failure.description.contains("registryUnavailable"))
    }
}
