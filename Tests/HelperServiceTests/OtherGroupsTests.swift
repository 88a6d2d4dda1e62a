import Glibc
import SystemPackage
import Testing

@testable import HelperService

@Suite("Groups of an account that nobody knows of")
struct OtherGroupsTests {
    @Test(
        "matter to a policy that a group could decide, and that is not decided yet",
        arguments: [
            ("", "*", false), ("denied-accounts = bob", "*", false),
            ("denied-groups = disk\ngroups = render", "*", false),
            ("denied-accounts = @disk", "*", true), ("denied-accounts = bob @disk", "alice", true),
            ("denied-accounts = alice @disk", "*", false), ("denied-accounts = @render @disk", "*", false),
            ("", "alice", false), ("", "@render", false), ("", "@disk", true), ("", "bob @disk", true),
            ("", "alice @disk", false), ("", "bob", false),
        ]
    )
    func policies(lines: String, accounts: String, theyMatter: Bool) throws {
        let policy = try HelperPolicy.with(lines, accounts: accounts)
        #expect(policy.otherGroupsMatter(than: [2_001, 3_001], of: 2_001) == theyMatter)
    }

    @Test("matter to a policy whose peers are members of groups: a job of a peer's account is one")
    func peers() throws {
        let policy = try HelperPolicy.reading("peers = @disk\naccounts = *\n")
        #expect(policy.otherGroupsMatter(than: [2_001], of: 2_001))
    }

    /// How often a file was read.
    private final class Count: @unchecked Sendable {
        var value = 0
    }

    @Test("are looked for by what nsswitch.conf says now, which is read again only where it has changed")
    func services() throws {
        let file = FilePath("/tmp/nsswitch-\(getpid())-\(UInt64.random(in: 0...UInt64.max))")
        defer { _ = unsafe unlink(file.string) }
        func write(_ text: String, to path: FilePath) throws {
            let opened = try FileDescriptor.open(
                path,
                .writeOnly,
                options: [.create, .truncate],
                permissions: [.ownerReadWrite]
            )
            try opened.closeAfter { _ = try opened.writeAll(text.utf8) }
        }
        let reads = Count()
        func services() -> GroupServices {
            GroupServices(file) {
                reads.value += 1
                var status = stat()
                return unsafe stat(file.string, &status) == 0 && status.st_size > 5
            }
        }
        try write("files", to: file)
        let local = services()
        for _ in 0..<3 { #expect(!local.mayLeaveThisMachine) }
        #expect(reads.value == 1)
        // As programs that administer a machine do it.
        try write("files sss", to: FilePath(file.string + ".new"))
        try #require(unsafe rename(file.string + ".new", file.string) == 0)
        #expect(local.mayLeaveThisMachine)
        let distant = services()
        let before = reads.value
        for _ in 0..<3 { #expect(distant.mayLeaveThisMachine) }
        #expect(reads.value == before)
        _ = unsafe unlink(file.string)
        #expect(!distant.mayLeaveThisMachine)
    }
}
