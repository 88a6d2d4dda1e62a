import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The identity of a job", .testBed)
struct IdentityTests {
    @Test("is exactly the account's: ids, every group, no capability", arguments: TestBed.people, everyIsolation)
    func isTheAccounts(_ person: TestBed.Person, _ isolation: SetUIDLauncher.Isolation) async throws {
        let report = try await runProbe(as: person.identity, isolation)
        #expect(report.userID == .all(person.userID))
        #expect(report.groupID == .all(person.groupID))
        #expect(report.groups == person.groups)
        #expect(report.capabilities == .none)
        #expect(report.noNewPrivileges)
        #expect(report.secureBits == 0)
    }

    @Test("is what setpriv and runuser make of the same account", arguments: TestBed.people)
    func agreesWithReferences(_ person: TestBed.Person) async throws {
        let ours = try await runProbe(as: person.identity)
        let setpriv = try await ReferenceLauncher.setpriv(userID: person.userID, groupID: person.groupID)
        let runuser = try await ReferenceLauncher.runuser(account: person.name)
        for reference in [setpriv, runuser] {
            #expect(ours.userID == reference.userID)
            #expect(ours.groupID == reference.groupID)
            #expect(ours.groups == reference.groups)
            #expect(ours.signals.blocked == reference.signals.blocked)
            // glibc keeps signals 32 and 33 to itself, so a reference cannot reset them; ours resets those as well.
            #expect(ours.signals.dispositions.prefix(31) == reference.signals.dispositions.prefix(31))
            #expect(ours.signals.dispositions.dropFirst(33) == reference.signals.dispositions.dropFirst(33))
            #expect(ours.descriptors.map(\.number) == reference.descriptors.map(\.number))
        }
        #expect(ours.capabilities == setpriv.capabilities)
        #expect(ours.noNewPrivileges == setpriv.noNewPrivileges)
    }

    @Test("has no group of the daemon when the account has none", arguments: everyIsolation)
    func losesTheDaemonsGroups(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let groups: [gid_t] = [0, 4, 6]
            #expect(unsafe setgroups(groups.count, groups) == 0)
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let report = try await runProbe(as: TestBed.bob.identity, isolation)
            #expect(report.groups == [TestBed.bob.groupID])
        }
    }

    @Test("cannot go back to root, by any id or capability", arguments: everyIsolation)
    func cannotRegainRoot(_ isolation: SetUIDLauncher.Isolation) async throws {
        let report = try await runProbe(["--regain-root"], as: TestBed.alice.identity, isolation)
        #expect(!report.attempts.isEmpty)
        #expect(report.successfulAttempts == [])
    }

    @Test("gains nothing from a set-user-id program unless privileges may be gained")
    func setUserIDPrograms() async throws {
        let copy = freshPath("setuid-probe")
        let made = try await runRoot("cp \(TestBed.probe) \(copy) && chown root \(copy) && chmod 4755 \(copy)")
        try #require(made == 0)
        defer { _ = unsafe copy.withPlatformString { unsafe unlink($0) } }

        let person = try await TestBed.alice.identity
        let bare = try ProbeReport(json: await run(Command(.path(copy)), as: person).exit.standardOutput?.bytes ?? [])
        #expect(bare.userID == .all(TestBed.alice.userID))

        var relaxed = Command(.path(copy))
        relaxed.noNewPrivileges = false
        relaxed.capabilityBoundingSet = .inherited
        let gained = try ProbeReport(json: await run(relaxed, as: person).exit.standardOutput?.bytes ?? [])
        #expect(gained.userID.real == TestBed.alice.userID)
        #expect(gained.userID.effective == 0)
    }

    @Test("has a session, a process group and a session keyring of its own", arguments: everyIsolation)
    func hasItsOwnSession(_ isolation: SetUIDLauncher.Isolation) async throws {
        let first = try await runProbe(as: TestBed.alice.identity, isolation)
        #expect(first.sessionLeader)
        #expect(first.session == first.process)
        #expect(first.processGroup == first.process)
        #expect(first.controllingTerminal == 0)
        let second = try await runProbe(as: TestBed.alice.identity, isolation)
        #expect(second.session != first.session)
        // `type;uid;gid;permissions;name`: made for the job, and not the one that lies ready for the whole user.
        #expect(first.sessionKeyring?.hasSuffix(";_ses") == true)
    }

    @Test("has a session keyring of its own, charged to the account")
    func sessionKeyring() async throws {
        let result = try await runScript("cat /proc/keys", as: TestBed.alice.identity)
        let keyrings = result.text.split(separator: "\n").map { $0.split(separator: " ") }
            .filter { $0.count > 8 && $0[7] == "keyring" && $0[8].hasPrefix("_ses") }
        // Those of jobs that have ended are there until the kernel collects them.
        #expect(Set(keyrings.map { $0[5] }) == ["2001"])
    }

    @Test("may make a user namespace and is not taken for somebody else then", arguments: everyIsolation)
    func userNamespace(_ isolation: SetUIDLauncher.Isolation) async throws {
        for _ in 0..<20 {
            let command = Command(.path("/usr/bin/unshare"), arguments: ["--user", "--map-root-user", "/bin/true"])
            let result = try await run(command, as: TestBed.alice.identity, SetUIDLauncher(isolation: isolation))
            #expect(result.exit.status == .exited(0), "\(result.exit.standardError?.text ?? "")")
        }
    }

    private func runRoot(_ script: String) async throws -> Int32 {
        // Root's own preparation, not a job: the launchers of this library run nothing as root.
        let words = ["/bin/sh", "-c", script]
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
        }
        var process: pid_t = 0
        guard unsafe posix_spawn(&process, "/bin/sh", nil, nil, &arguments, nil) == 0 else { return -1 }
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }
}
