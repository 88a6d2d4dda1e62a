import Testing

@Suite("The launchers of the distribution, as the yardstick", .testBed)
struct ReferenceLauncherTests {
    @Test("setpriv gives the account's ids and groups and no privilege", arguments: TestBed.people)
    func setpriv(person: TestBed.Person) async throws {
        let report = try await ReferenceLauncher.setpriv(
            userID: person.userID,
            groupID: person.groupID,
            probeArguments: ["--regain-root"]
        )
        #expect(report.userID == .all(person.userID))
        #expect(report.groupID == .all(person.groupID))
        #expect(report.groups == person.groups)
        #expect(report.capabilities == .none)
        #expect(report.noNewPrivileges)
        #expect(report.successfulAttempts.isEmpty)
    }

    @Test("runuser gives the account's ids and groups", arguments: TestBed.people)
    func runuser(person: TestBed.Person) async throws {
        let report = try await ReferenceLauncher.runuser(account: person.name)
        #expect(report.userID == .all(person.userID))
        #expect(report.groupID == .all(person.groupID))
        #expect(report.groups == person.groups)
        #expect(report.variables["USER"] == person.name)
        #expect(report.variables["HOME"] == person.home)
    }

    @Test("An account cannot look into a process of root")
    func memoryIsClosed() async throws {
        let report = try await ReferenceLauncher.setpriv(
            userID: TestBed.alice.userID,
            groupID: TestBed.alice.groupID,
            probeArguments: ["--read-parent-memory", "parent"]
        )
        // Limits of another account's process are closed as well; only its existence is not.
        #expect(report.successfulAttempts.isEmpty)
        #expect(Set(report.attempts.compactMap(\.errorName)) == ["EACCES", "EPERM"])
    }
}
