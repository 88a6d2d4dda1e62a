import LocalAccounts
import NameLookup
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The directory over the name service, when the name service lies or fails", .timeLimit(.minutes(1)))
struct NSSAccountDirectoryHazardTests {
    private func directory(
        _ service: ScriptedNameService,
        syntax: AccountNameSyntax = .standard,
        deadline: Duration = .seconds(30),
        threads: Int = 2
    ) -> NSSAccountDirectory {
        NSSAccountDirectory(
            service: service,
            syntax: syntax,
            deadline: deadline,
            workers: BlockingWorkers(name: "test", maximumThreads: threads)
        )
    }

    private func failure(
        _ service: ScriptedNameService,
        asking name: String,
        syntax: AccountNameSyntax = .standard
    ) async throws -> AccountDirectoryError {
        let name = try AccountName(name, syntax: syntax)
        return try #require(
            await #expect(throws: AccountDirectoryError.self) {
                try await directory(service, syntax: syntax).account(named: name)
            }
        )
    }

    @Test("takes every spelling that leads to one account and back")
    func canonicalName() async throws {
        let entry = PasswdEntry("MYCORP\\someuser", uid: 11_103, gid: 10_513)
        let spellings = ["MYCORP\\someuser", "mycorp\\SomeUser", "mycorp.test\\someuser", "someuser@mycorp.test"]
        let directory = directory(ScriptedNameService(Dictionary(uniqueKeysWithValues: spellings.map { ($0, entry) })))
        for spelling in spellings {
            let account = try #require(try await directory.account(named: AccountName(spelling)))
            #expect(account.name.spelling == "MYCORP\\someuser")
            #expect(account.userID == UserID(rawValue: 11_103))
        }
    }

    @Test("refuses an answer whose short name belongs to somebody else (H1)")
    func collapsedName() async throws {
        let service = ScriptedNameService([
            "someuser@OTHER": PasswdEntry("someuser", uid: 30_001),
            "someuser": PasswdEntry("someuser", uid: 20_001),
        ])
        let error = try await failure(service, asking: "someuser@OTHER")
        #expect(error.code == .inconsistentAnswer)
        #expect(error.message.contains("30001") && error.message.contains("20001"))
    }

    @Test(
        "refuses an answer whose short name has other groups, though a cache leads back to it (H1)",
        arguments: [[30_501], [], [20_501, 30_501]]
    )
    func collapsedGroups(own: [UInt32]) async throws {
        // SSSD: the cache has the account that was asked for last, the groups are those of the first domain.
        let entry = PasswdEntry("someuser", uid: 30_001, gid: 30_500)
        var service = ScriptedNameService(["someuser@OTHER": entry, "someuser": entry])
        service.groupList = { name, primary in
            .found([primary] + (name == "someuser" ? [20_501] : own).map { GroupID(rawValue: $0) })
        }
        let error = try await failure(service, asking: "someuser@OTHER")
        #expect(error.code == .inconsistentAnswer)
        #expect(error.message.contains(own == [20_501, 30_501] ? "gid 30501" : "gid 20501"), "\(error.message)")
    }

    @Test("takes a short name with the groups of the full one, and with those that the local file adds")
    func shortName() async throws {
        let entry = PasswdEntry("someuser", uid: 11_103, gid: 10_513)
        var service = ScriptedNameService([#"MYCORP\someuser"#: entry, "someuser": entry])
        service.files = LocalFiles(
            nameServiceSwitch: "passwd: files winbind\ngroup: files winbind\n",
            passwd: "",
            group: "render:x:3001:someuser\n"
        )
        service.groupList = { name, primary in
            .found([primary] + ([11_115] + (name == "someuser" ? [3_001] : [])).map { GroupID(rawValue: $0) })
        }
        let account = try #require(try await directory(service).account(named: AccountName(#"MYCORP\someuser"#)))
        #expect(account.groups.map(\.rawValue) == [3_001, 10_513, 11_115])
    }

    @Test("refuses an answer whose name leads nowhere")
    func nameLeadsNowhere() async throws {
        let service = ScriptedNameService(["someuser@mycorp.test": PasswdEntry("someuser", uid: 11_103)])
        #expect(try await failure(service, asking: "someuser@mycorp.test").code == .inconsistentAnswer)
    }

    @Test("refuses a user id whose name is a local account's (H2)")
    func localAccountOfTheSameName() async throws {
        var service = ScriptedNameService(["someuser": PasswdEntry("someuser", uid: 5_555)])
        service.passwdByID = { _ in .found(PasswdEntry("someuser", uid: 11_103)) }
        let directory = directory(service)
        let error = try #require(
            await #expect(throws: AccountDirectoryError.self) {
                try await directory.account(withID: UserID(rawValue: 11_103))
            }
        )
        #expect(error.code == .inconsistentAnswer)
        #expect(error.subject == "uid 11103")
    }

    @Test("refuses an answer to another user id than the one asked for")
    func otherUserID() async throws {
        var service = ScriptedNameService(["alice": PasswdEntry("alice", uid: 1_001)])
        service.passwdByID = { _ in .found(PasswdEntry("alice", uid: 1_001)) }
        let directory = directory(service)
        let error = await #expect(throws: AccountDirectoryError.self) {
            try await directory.account(withID: UserID(rawValue: 1_002))
        }
        #expect(error?.code == .inconsistentAnswer)
    }

    @Test(
        "refuses an answer whose name is none: a poisoned cache answers with a blank in it (H3)",
        arguments: ["MYCORP\\ okuser", "", "0", "root\n", "-e", "a:b", "MYCORP\\x\u{202E}"]
    )
    func unusableName(name: String) async throws {
        let entry = PasswdEntry(name, uid: 11_104)
        let service = ScriptedNameService(["MYCORP\\okuser": entry, name: entry])
        let error = try await failure(service, asking: "MYCORP\\okuser")
        #expect(error.code == .inconsistentAnswer)
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
    }

    /// The files of a host that asks winbind after them, or another service.
    private func files(_ services: String = "files winbind", groups: String? = nil) -> LocalFiles {
        LocalFiles(
            nameServiceSwitch: "passwd: \(services)\ngroup: \(groups ?? services)\n",
            passwd: "root:x:0:0::/root:/bin/sh\nokuser:x:5555:5556::/home/okuser:/bin/sh\n",
            group: "root:x:0:\nokuser:x:5556:\nrender:x:3001:alice,okuser\n"
        )
    }

    @Test(
        "tells a group that winbind gives for an account (H5)",
        arguments: ["files winbind", "files systemd winbind"]
    )
    func groupForAnAccount(services: String) async throws {
        let group = PasswdEntry(#"MYCORP\engineers"#, uid: 11_115, gid: 11_115)
        var service = ScriptedNameService([group.name: group])
        service.files = files(services)
        service.groupByName = { name in .found(GroupEntry(name: name, groupID: GroupID(rawValue: 11_115))) }
        let account = try #require(try await directory(service).account(named: AccountName(group.name)))
        #expect(account.isGroup)

        service.files = files(services, groups: "files")
        service.groupByName = { _ in .absent }
        let unknown = try #require(try await directory(service).account(named: AccountName(group.name)))
        #expect(unknown.isGroup, "nobody can say that it is none")
    }

    @Test(
        "takes no account for a group: one with a group of its own, one whose number is another group's, one of SSSD",
        arguments: [
            (PasswdEntry("okuser", uid: 5_555, gid: 5_555), "files winbind"),
            (PasswdEntry(#"MYCORP\someuser"#, uid: 11_103, gid: 10_513), "files winbind"),
            (PasswdEntry(#"MYCORP\other"#, uid: 11_104, gid: 11_104), "files winbind"),
            (PasswdEntry("ipauser", uid: 7_001, gid: 7_001), "files sss"),
        ]
    )
    func accountWithItsOwnGroup(entry: PasswdEntry, services: String) async throws {
        var service = ScriptedNameService([entry.name: entry])
        service.files = files(services)
        service.groupByName = { name in
            .found(
                GroupEntry(name: name, groupID: GroupID(rawValue: name.hasSuffix("other") ? 1 : entry.userID.rawValue))
            )
        }
        let account = try #require(try await directory(service).account(named: AccountName(entry.name)))
        #expect(!account.isGroup)
    }

    @Test("refuses a local account with the groups of its namesake in the domain (H2)")
    func groupsOfANamesake() async throws {
        var service = ScriptedNameService(["okuser": PasswdEntry("okuser", uid: 5_555, gid: 5_556)])
        service.groupList = { _, primary in .found([primary, GroupID(rawValue: 3_001), GroupID(rawValue: 10_513)]) }
        service.files = files()
        let error = try await failure(service, asking: "okuser")
        #expect(error.code == .inconsistentAnswer)
        #expect(error.message.contains("gid 10513"))
    }

    @Test(
        "takes a local account with groups of its own, and with those that another directory lists it for",
        arguments: [("files winbind", [3_001]), ("files winbind ldap", [3_001, 9_001]), ("files", [3_001, 9_001])]
    )
    func groupsOfItsOwn(services: String, groups: [UInt32]) async throws {
        var service = ScriptedNameService(["okuser": PasswdEntry("okuser", uid: 5_555, gid: 5_556)])
        service.groupList = { _, primary in .found([primary] + groups.map { GroupID(rawValue: $0) }) }
        service.files = files("files winbind", groups: services)
        let account = try #require(try await directory(service).account(named: AccountName("okuser")))
        #expect(account.groups.map(\.rawValue) == groups.filter { $0 < 5_556 } + [5_556] + groups.filter { $0 > 5_556 })
    }

    @Test("reads the answer in the spelling of the site")
    func separatorOfTheSite() async throws {
        let service = ScriptedNameService(["MYCORP+someuser": PasswdEntry("MYCORP+someuser", uid: 11_103)])
        let syntax = AccountNameSyntax(separator: "+")
        let directory = directory(service, syntax: syntax)
        let account = try #require(
            try await directory.account(named: AccountName("MYCORP+someuser", syntax: syntax))
        )
        #expect(account.name.domain == "MYCORP")

        let backslash = PasswdEntry("MYCORP\\someuser", uid: 11_103)
        let wrong = ScriptedNameService(["MYCORP+someuser": backslash, "MYCORP\\someuser": backslash])
        #expect(try await failure(wrong, asking: "MYCORP+someuser", syntax: syntax).code == .inconsistentAnswer)
    }

    @Test(
        "is not available whatever number the name service fails with",
        arguments: [
            Errno.noSuchFileOrDirectory, .noSuchProcess, .connectionRefused, .badAddress, .ioError, .permissionDenied,
            .tooManyOpenFiles, .resourceTemporarilyUnavailable, Errno(rawValue: 1_432_158_245), Errno(rawValue: -1),
        ]
    )
    func outage(number: Errno) async throws {
        var service = ScriptedNameService(["alice": PasswdEntry("alice", uid: 1_001)])
        service.groupList = { _, _ in .failed(number) }
        let inGroups = try await failure(service, asking: "alice")
        service.passwdByName = { _ in .failed(number) }
        service.passwdByID = { _ in .failed(number) }
        service.groupByName = { _ in .failed(number) }
        let directory = directory(service)
        let byName = try await failure(service, asking: "alice")
        let byID = await #expect(throws: AccountDirectoryError.self) {
            try await directory.account(withID: UserID(rawValue: 1))
        }
        let group = await #expect(throws: AccountDirectoryError.self) { try await directory.groupID(named: "staff") }
        for error in [inGroups, byName, byID, group] {
            #expect(error?.code == .unavailable)
            #expect(error?.errno == number)
        }
        #expect(byName.description.contains("account alice"))
    }

    @Test("fills in what an entry leaves empty")
    func emptyFields() async throws {
        let entry = PasswdEntry("alice", uid: 1_001, gid: 7, home: "", shell: "")
        var service = ScriptedNameService(["alice": entry])
        service.groupList = { _, _ in .found([9, 7, 8, 9, 7].map { GroupID(rawValue: $0) }) }
        let account = try #require(try await directory(service).account(named: AccountName("alice")))
        #expect(account.homeDirectory == "/")
        #expect(account.shell == "/bin/sh")
        #expect(account.groups.map(\.rawValue) == [7, 8, 9])
    }

    @Test("refuses a home and a shell that are looked for wherever the daemon stands", arguments: [true, false])
    func relativePaths(isHome: Bool) async throws {
        let entry = PasswdEntry(
            "alice",
            uid: 1_001,
            home: isHome ? "home/alice" : "/home/alice",
            shell: isHome ? "/bin/sh" : "sh"
        )
        let error = try await failure(ScriptedNameService(["alice": entry]), asking: "alice")
        #expect(error.code == .inconsistentAnswer)
        #expect(error.message.contains(isHome ? "home directory" : "login shell"))
    }

    @Test("refuses answers that are too large or not text")
    func unusableAnswers() async throws {
        var service = ScriptedNameService()
        service.passwdByName = { _ in .tooLarge }
        #expect(try await failure(service, asking: "alice").code == .inconsistentAnswer)
        service.passwdByName = { _ in .undecodable(field: "pw_name") }
        let error = try await failure(service, asking: "alice")
        #expect(error.code == .inconsistentAnswer)
        #expect(error.message.contains("pw_name"))
    }

    @Test("lets its caller go at the deadline when the name service hangs, and refuses more than it can bear")
    func hangingNameService() async throws {
        let gate = Gate()
        defer { gate.open() }
        var service = ScriptedNameService()
        service.passwdByName = { _ in
            gate.wait()
            return .absent
        }
        let directory = directory(service, deadline: .milliseconds(50), threads: 1)
        let alice = try AccountName("alice")
        let first = await #expect(throws: AccountDirectoryError.self) { try await directory.account(named: alice) }
        #expect(first?.code == .deadlineExceeded)
        #expect(first?.subject == "account alice")
        let second = await #expect(throws: AccountDirectoryError.self) { try await directory.account(named: alice) }
        #expect(second?.code == .saturated)
    }

    @Test("lets a cancelled caller go at once")
    func cancellation() async throws {
        let gate = Gate()
        let asked = Gate()
        defer { gate.open() }
        var service = ScriptedNameService()
        service.passwdByName = { _ in
            asked.open()
            gate.wait()
            return .absent
        }
        let directory = directory(service, deadline: .seconds(50))
        let alice = try AccountName("alice")
        let task = Task { try await directory.account(named: alice) }
        await asked.isOpened()
        task.cancel()
        let error = await #expect(throws: AccountDirectoryError.self) { try await task.value }
        #expect(error?.code == .cancelled)
    }

    @Test("checks the name of a group before it asks", arguments: ["", "a\nb", "a\0b", "a:b", "a,b", " a", "a "])
    func malformedGroupNames(name: String) async throws {
        var service = ScriptedNameService()
        service.groupByName = { _ in .found(GroupEntry(name: name, groupID: GroupID(rawValue: 1))) }
        let directory = directory(service)
        let error = await #expect(throws: AccountDirectoryError.self) { try await directory.groupID(named: name) }
        #expect(error?.code == .malformedName)
    }

    @Test("refuses a group whose name leads to another")
    func collapsedGroup() async throws {
        var service = ScriptedNameService()
        service.groupByName = { name in
            .found(GroupEntry(name: "engineers", groupID: GroupID(rawValue: name == "engineers" ? 20_501 : 30_501)))
        }
        let directory = directory(service)
        let error = await #expect(throws: AccountDirectoryError.self) {
            try await directory.groupID(named: "engineers@OTHER")
        }
        #expect(error?.code == .inconsistentAnswer)
        #expect(try await directory.groupID(named: "engineers") == GroupID(rawValue: 20_501))
    }
}
