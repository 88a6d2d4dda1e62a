import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The directory over this host's name service", .timeLimit(.minutes(1)))
struct NSSAccountDirectoryTests {
    let directory = NSSAccountDirectory(deadline: .seconds(30))

    @Test("knows the accounts every host has", arguments: [("root", 0), ("daemon", 1), ("nobody", 65_534)])
    func knownAccounts(name: String, uid: UInt32) async throws {
        let account = try #require(try await directory.account(named: AccountName(name)))
        #expect(account.name.spelling == name)
        #expect(account.userID == UserID(rawValue: uid))
        #expect(account.groups.contains(account.groupID))
        #expect(account.groups.map(\.rawValue) == Set(account.groups.map(\.rawValue)).sorted())
        #expect(account.homeDirectory.isAbsolute)
        #expect(account.shell.isAbsolute)
    }

    @Test("gives the same account by name and by user id", arguments: ["root", "daemon", "nobody"])
    func byNameAndByID(name: String) async throws {
        let byName = try #require(try await directory.account(named: AccountName(name)))
        let byID = try #require(try await directory.account(withID: byName.userID))
        #expect(byID == byName)
    }

    @Test("says that there is no such account, without an error")
    func noSuchAccount() async throws {
        #expect(try await directory.account(named: AccountName("nobody-here")) == nil)
        #expect(try await directory.account(named: AccountName("NOSUCH\\nobody-here")) == nil)
        #expect(try await directory.account(withID: UserID(rawValue: 3_999_999_999)) == nil)
        #expect(try await directory.groupID(named: "no-such-group-here") == nil)
    }

    @Test("knows groups by name")
    func groups() async throws {
        #expect(try await directory.groupID(named: "root") == GroupID(rawValue: 0))
        #expect(try await directory.groupID(named: "daemon") == GroupID(rawValue: 1))
    }

    @Test("answers many askers at once")
    func manyAskers() async throws {
        let root = try AccountName("root")
        try await withThrowingTaskGroup(of: Account?.self) { group in
            for _ in 0..<2_000 { group.addTask { try await directory.account(named: root) } }
            for try await account in group { #expect(account?.userID == UserID(rawValue: 0)) }
        }
    }
}

@Suite(
    "The directory over the name service of the test bed",
    .enabled(if: unsafe getenv("IMPERSONATION_TEST_BED") != nil, "runs in the test bed: make test"),
    .timeLimit(.minutes(1))
)
struct NSSAccountDirectoryTestBedTests {
    struct Known: Sendable, CustomTestStringConvertible {
        var name: String
        var uid: UInt32
        var gid: UInt32
        var groups: [UInt32]
        var home: FilePath
        var shell: FilePath = "/bin/sh"

        var testDescription: String { name }
    }

    let directory = NSSAccountDirectory(deadline: .seconds(30))

    static let longName = "account-whose-name-is-far-longer-than-useradd-would-ever-permit"

    static let known: [Known] = [
        Known(
            name: "alice",
            uid: 2_001,
            gid: 2_001,
            groups: [2_001, 3_001, 3_002],
            home: "/bed/home/alice",
            shell: "/bin/bash"
        ),
        Known(name: "bob", uid: 2_002, gid: 2_002, groups: [2_002], home: "/bed/home/bob"),
        Known(name: "bob2", uid: 2_002, gid: 2_002, groups: [2_002, 3_003], home: "/bed/home/bob"),
        Known(
            name: "rootgroup",
            uid: 2_004,
            gid: 2_004,
            groups: [0, 2_004, 3_003],
            home: "/bed/home/rootgroup"
        ),
        Known(name: "rootprimary", uid: 2_005, gid: 0, groups: [0], home: "/bed/home/rootprimary"),
        Known(
            name: "manygroups",
            uid: 2_006,
            gid: 2_006,
            groups: [2_006] + (20_001...21_200),
            home: "/bed/home/manygroups"
        ),
        Known(name: "emptyshell", uid: 2_010, gid: 2_010, groups: [2_010], home: "/bed/home/emptyshell"),
        Known(name: "orphan", uid: 2_013, gid: 2_999, groups: [2_999], home: "/bed/home/orphan"),
        Known(name: longName, uid: 2_014, gid: 2_014, groups: [2_014, 3_001], home: "/bed/home/longname"),
        Known(
            name: "dotted.name_with-every.mark",
            uid: 2_015,
            gid: 2_015,
            groups: [2_015],
            home: "/bed/home/dotted"
        ),
        Known(name: "machine$", uid: 2_016, gid: 2_016, groups: [2_016], home: "/bed/home/machine"),
        Known(
            name: "MYCORP\\someuser",
            uid: 11_103,
            gid: 10_513,
            groups: [10_513, 11_104],
            home: "/bed/home/mycorp-someuser",
            shell: "/bin/bash"
        ),
        Known(
            name: "OTHER\\someuser",
            uid: 12_103,
            gid: 12_513,
            groups: [12_513],
            home: "/bed/home/other-someuser",
            shell: "/bin/bash"
        ),
        Known(
            name: "someuser@dept.example",
            uid: 11_106,
            gid: 10_513,
            groups: [10_513],
            home: "/bed/home/dept-someuser",
            shell: "/bin/bash"
        ),
    ]

    @Test("knows each account with exactly its groups", arguments: known)
    func accounts(known: Known) async throws {
        let account = try #require(try await directory.account(named: AccountName(known.name)))
        #expect(account.name.spelling == known.name)
        #expect(account.userID.rawValue == known.uid)
        #expect(account.groupID.rawValue == known.gid)
        #expect(account.groups.map(\.rawValue) == known.groups)
        #expect(account.homeDirectory == known.home)
        #expect(account.shell == known.shell)
    }

    @Test("gives the name of a shared user id that its first entry has")
    func sharedUserID() async throws {
        let account = try #require(try await directory.account(withID: UserID(rawValue: 2_002)))
        #expect(account.name.spelling == "bob")
    }

    @Test("gives user id 0 under any name")
    func alias() async throws {
        let account = try #require(try await directory.account(named: AccountName("toor")))
        #expect(account.userID == UserID(rawValue: 0))
    }

    @Test("does not take a bare name for a domain account")
    func bareName() async throws {
        #expect(try await directory.account(named: AccountName("someuser")) == nil)
        #expect(try await directory.account(withID: UserID(rawValue: 2_999)) == nil)
    }

    @Test("knows groups with and without members", arguments: [("empty", 3_004), ("MYCORP\\domain users", 10_513)])
    func groups(name: String, gid: UInt32) async throws {
        #expect(try await directory.groupID(named: name)?.rawValue == gid)
    }
}
