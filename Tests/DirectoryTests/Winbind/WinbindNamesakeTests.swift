import Testing

/// This machine has a local account `okuser`, and the domain has one.
@Suite("A local account and one of Active Directory with one name, by winbind", .on(.winbind), .timeLimit(.minutes(5)))
struct WinbindNamesakeTests {
    @Test(
        "are kept apart: which of them a login means, with its own groups, also in a job",
        arguments: [
            Namesake(login: "okuser", name: "okuser", userID: 5_555, groups: [5_556]),
            Namesake(login: #"MYCORP\okuser"#, name: #"MYCORP\okuser"#, userID: 11_104, groups: [10_513, 11_104]),
            Namesake(login: "okuser@mycorp.test", name: #"MYCORP\okuser"#, userID: 11_104, groups: [10_513, 11_104]),
            Namesake(
                login: "okuser",
                hostDomain: "MYCORP",
                name: #"MYCORP\okuser"#,
                userID: 11_104,
                groups: [10_513, 11_104]
            ),
            Namesake(login: "okuser", visibleDomains: ["MYCORP"], name: "okuser", userID: 5_555, groups: [5_556]),
            Namesake(
                login: #"MYCORP\okuser"#,
                visibleDomains: ["MYCORP"],
                name: #"MYCORP\okuser"#,
                userID: 11_104,
                groups: [10_513, 11_104]
            ),
        ]
    )
    func account(_ namesake: Namesake) async throws {
        try await namesake.expectJob()
    }

    @Test("may not act as each other")
    func grants() async throws {
        try await Namesake.expectNoGrant(#"MYCORP\okuser"#)
    }
}
