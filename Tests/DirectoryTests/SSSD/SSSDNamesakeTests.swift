import Testing

/// This machine has a local account `okuser`, and the domain has one.
@Suite("A local account and one of Active Directory with one name, by SSSD", .on(.sssd), .timeLimit(.minutes(5)))
struct SSSDNamesakeTests {
    @Test(
        "are kept apart: which of them a login means, with its own groups, also in a job",
        arguments: [
            Namesake(login: "okuser", name: "okuser", userID: 5_555, groups: [5_556]),
            Namesake(
                login: #"MYCORP\okuser"#,
                name: "okuser@mycorp.test",
                userID: 1_940_601_104,
                groups: [1_940_600_513]
            ),
            Namesake(
                login: "okuser@mycorp.test",
                name: "okuser@mycorp.test",
                userID: 1_940_601_104,
                groups: [1_940_600_513]
            ),
            Namesake(
                login: "okuser",
                hostDomain: "MYCORP",
                name: "okuser@mycorp.test",
                userID: 1_940_601_104,
                groups: [1_940_600_513]
            ),
            Namesake(login: "okuser", visibleDomains: ["MYCORP"], name: "okuser", userID: 5_555, groups: [5_556]),
            Namesake(
                login: #"MYCORP\okuser"#,
                visibleDomains: ["MYCORP"],
                name: "okuser@mycorp.test",
                userID: 1_940_601_104,
                groups: [1_940_600_513]
            ),
        ]
    )
    func account(_ namesake: Namesake) async throws {
        try await namesake.expectJob()
    }

    @Test("may not act as each other")
    func grants() async throws {
        try await Namesake.expectNoGrant("okuser@mycorp.test")
    }
}
