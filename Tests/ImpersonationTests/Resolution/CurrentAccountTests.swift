import Glibc
import ImpersonationTesting
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The worker's own account")
struct CurrentAccountTests {
    struct IDs: Sendable, CustomTestStringConvertible {
        var users = "2200\t2200\t2200\t2200"
        var primaryGroups = "2200\t2200\t2200\t2200"
        var supplementaryGroups = ""

        var testDescription: String { "\(users) | \(primaryGroups) | \(supplementaryGroups)" }

        var ids: ProcessIDs? {
            ProcessIDs(
                status: "Name:\tworker\nUid:\t\(users)\nGid:\t\(primaryGroups)\nGroups:\t\(supplementaryGroups) \n"
            )
        }
    }

    static func account(of ids: IDs) async throws -> Account? {
        let directory = InMemoryAccountDirectory([
            try .forTesting("root", uid: 0), try .forTesting("worker", uid: 2_200, groups: [3_001]),
        ])
        return try await CurrentAccount.account(of: try #require(ids.ids), in: directory)
    }

    @Test("has the groups of the process, whatever the directory says")
    func groups() async throws {
        let account = try #require(try await Self.account(of: IDs(supplementaryGroups: "3002 3003")))
        #expect(account.name.spelling == "worker")
        #expect(account.groups.map(\.rawValue) == [2_200, 3_002, 3_003])
    }

    @Test(
        "is the superuser's for a process that can go back to that",
        arguments: [
            IDs(users: "0\t2200\t2200\t2200"), IDs(users: "2200\t2200\t0\t2200"), IDs(users: "2200\t2200\t2200\t0"),
            IDs(users: "2200\t0\t2200\t2200"),
        ]
    )
    func canGoBack(ids: IDs) async throws {
        #expect(try await Self.account(of: ids)?.userID == UserID(0))
    }

    @Test(
        "has the superuser's group when the process has it in any place",
        arguments: [
            IDs(primaryGroups: "0\t2200\t2200\t2200"), IDs(primaryGroups: "2200\t2200\t0\t2200"),
            IDs(supplementaryGroups: "3001 0"),
        ]
    )
    func superuserGroup(ids: IDs) async throws {
        #expect(try await Self.account(of: ids)?.groups.contains(GroupID(0)) == true)
    }

    @Test(
        "is not made up from a text that does not have the ids",
        arguments: [
            "", "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\n", "Uid:\t1\t1\t1\nGid:\t1\t1\t1\t1\nGroups:\n",
            "Uid:\t1\t1\t1\tx\nGid:\t1\t1\t1\t1\nGroups:\n", "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\nGroups:\n",
            "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nGroups:\n-1\nGroups:\t2\n",
            "Uid:\t1\t1\t1\t1\nUid:\t0\t0\t0\t0\nGid:\t1\t1\t1\t1\nGroups:\n",
        ]
    )
    func malformed(status: String) {
        #expect(ProcessIDs(status: status) == nil)
    }

    @Test("is read from this process as the system calls tell it")
    func thisProcess() throws {
        let ids = try ProcessIDs.current()
        #expect(ids.users.prefix(2) == [UserID(getuid()), UserID(geteuid())])
        #expect(ids.primaryGroups.prefix(2) == [GroupID(getgid()), GroupID(getegid())])
        var groups = [gid_t](repeating: 0, count: 65_536)
        let count = unsafe getgroups(65_536, &groups)
        #expect(Set(ids.supplementaryGroups.map(\.rawValue)) == Set(groups.prefix(Int(count))))
    }

    @Test("is looked up by the effective user id of this process")
    func lookedUp() async throws {
        let directory = InMemoryAccountDirectory([try .forTesting("worker", uid: geteuid())])
        let account = try await CurrentAccount.ofThisProcess.lookUp(directory)
        #expect(account?.userID == UserID(geteuid()))
        #expect(directory.lookups == [AccountLookup(.account(withID: UserID(geteuid())), freshness: .cached)])
    }
}
