import Testing

/// This machine has a local account `okuser`, and the domain has one.
@Suite("A local account and two of LDAP domains with one name", .on(.ldap), .timeLimit(.minutes(5)))
struct LDAPNamesakeTests {
    @Test(
        "are kept apart: which of them a login means, with its own groups, also in a job",
        arguments: [
            Namesake(login: "okuser", name: "okuser", userID: 5_555, groups: [5_556]),
            Namesake(login: "okuser@MYCORP", name: "okuser@MYCORP", userID: 20_002, groups: [20_500]),
            Namesake(login: "okuser@OTHER", name: "okuser@OTHER", userID: 30_002, groups: [30_500]),
        ]
    )
    func account(_ namesake: Namesake) async throws {
        try await namesake.expectJob()
    }

    @Test("may not act as each other")
    func grants() async throws {
        try await Namesake.expectNoGrant("okuser@MYCORP")
    }
}
