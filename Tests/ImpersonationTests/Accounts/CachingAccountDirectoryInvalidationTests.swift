import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The caching directory forgets", .timeLimit(.minutes(1)))
struct CachingAccountDirectoryInvalidationTests {
    let alice: Account
    let bob: Account
    let directory: CountingDirectory
    let cache: CachingAccountDirectory

    init() throws {
        alice = try Account("alice", uid: 1_001)
        bob = try Account("MYCORP\\bob", uid: 11_103)
        directory = CountingDirectory(alice, bob)
        directory.change { [bob] script in
            script.accounts["bob@mycorp.test"] = bob
            script.groups["staff"] = GroupID(rawValue: 50)
        }
        cache = CachingAccountDirectory(
            directory,
            timeToLive: .seconds(3_600),
            negativeTimeToLive: .seconds(3_600),
            capacity: 100,
            stamp: nil
        )
    }

    private func fill() async throws {
        _ = try await cache.account(named: alice.name, freshness: .cached)
        _ = try await cache.account(withID: alice.userID, freshness: .cached)
        _ = try await cache.account(named: bob.name, freshness: .cached)
        _ = try await cache.account(named: AccountName("bob@mycorp.test"), freshness: .cached)
        _ = try await cache.account(withID: bob.userID, freshness: .cached)
        _ = try await cache.groupID(named: "staff", freshness: .cached)
        _ = try await cache.groupID(named: "nothing", freshness: .cached)
    }

    /// What is asked again after everything was asked once before.
    private func forgotten() async throws -> [String] {
        let before = directory.questions.count
        try await fill()
        return Array(directory.questions.dropFirst(before))
    }

    @Test("nothing by itself")
    func nothing() async throws {
        try await fill()
        #expect(try await forgotten() == [])
        #expect(cache.count == 7)
    }

    @Test("one account by name, under every name and id it was asked for")
    func byName() async throws {
        try await fill()
        cache.invalidate(try AccountName("mycorp\\BOB"))
        #expect(try await forgotten() == ["name MYCORP\\bob", "name bob@mycorp.test", "uid 11103"])
        cache.invalidate(try AccountName("bob@mycorp.test"))
        #expect(try await forgotten() == ["name MYCORP\\bob", "name bob@mycorp.test", "uid 11103"])
    }

    @Test("one account by user id, under every name and id it was asked for")
    func byID() async throws {
        try await fill()
        cache.invalidate(UserID(rawValue: 1_001))
        #expect(try await forgotten() == ["name alice", "uid 1001"])
    }

    @Test("that an account did not exist")
    func absence() async throws {
        let carol = try AccountName("carol")
        #expect(try await cache.account(named: carol, freshness: .cached) == nil)
        directory.change { $0.accounts["carol"] = try? Account("carol", uid: 1_003) }
        #expect(try await cache.account(named: carol, freshness: .cached) == nil)
        cache.invalidate(carol)
        #expect(try await cache.account(named: carol, freshness: .cached)?.userID == UserID(rawValue: 1_003))
    }

    @Test("one group")
    func group() async throws {
        try await fill()
        cache.invalidateGroup(named: "staff")
        #expect(try await forgotten() == ["group staff"])
    }

    @Test("everything, also for who would take a stale answer")
    func everything() async throws {
        try await fill()
        cache.invalidateAll()
        #expect(cache.count == 0)
        let failure = AccountDirectoryError(.unavailable, subject: "account alice", message: "as the test wants it")
        directory.change { $0.failure = failure }
        await #expect(throws: failure) { try await cache.account(named: alice.name, freshness: .stale) }
    }

    @Test("the answer of a lookup under way, and does not let new askers wait for it", arguments: [true, false])
    func duringALookup(all: Bool) async throws {
        directory.hold()
        async let early = cache.account(named: alice.name, freshness: .cached)
        await directory.arrival(ofQuestions: 1)
        let newAlice = try Account("alice", uid: 2_002)
        directory.change { $0.accounts["alice"] = newAlice }
        if all { cache.invalidateAll() } else { cache.invalidate(alice.name) }
        async let late = cache.account(named: alice.name, freshness: .cached)
        await directory.arrival(ofQuestions: 2)
        directory.release()
        #expect(try await early == alice, "who asked before the invalidation gets the answer of then")
        #expect(try await late == newAlice)
        #expect(try await cache.account(named: alice.name, freshness: .cached) == newAlice)
        #expect(directory.questions.count == 2)
    }

    @Test("the oldest answers when there are too many, without a limitless memory")
    func eviction() async throws {
        let clock = ManualClock()
        let small = CachingAccountDirectory(directory, capacity: 8, stamp: nil, now: { clock.now })
        directory.change { script in
            for number in 0..<100 {
                script.accounts["user-\(number)"] = try? Account("user-\(number)", uid: UInt32(5_000 + number))
            }
        }
        for number in 0..<100 {
            clock.advance(by: .milliseconds(1))
            #expect(try await small.account(named: AccountName("user-\(number)"), freshness: .cached) != nil)
            #expect(small.count <= 8)
        }
        let before = directory.questions.count
        _ = try await small.account(named: AccountName("user-99"), freshness: .cached)
        #expect(directory.questions.count == before, "the newest is still known")
    }

    @Test("no account for a flood of names that do not exist")
    func flood() async throws {
        try await fill()
        for number in 0..<1_000 {
            _ = try await cache.account(named: AccountName("invented-\(number)"), freshness: .cached)
        }
        #expect(cache.count <= 6 + 25)
        let before = directory.questions.count
        _ = try await cache.account(named: alice.name, freshness: .cached)
        #expect(directory.questions.count == before)
    }

    @Test("what it knew when the local files change")
    func localFiles() async throws {
        let path = FilePath("/tmp/impersonation-stamp-\(getpid())-\(UInt64.random(in: 0 ... .max))")
        defer { unsafe unlink(path.string) }
        let watching = CachingAccountDirectory(directory, stamp: { LocalFilesStamp(of: [path]) })
        func ask() async throws -> Int {
            _ = try await watching.account(named: alice.name, freshness: .cached)
            return directory.questions.count
        }
        #expect(try await ask() == 1)
        #expect(try await ask() == 1)
        try write("one", to: path)
        #expect(try await ask() == 2)
        #expect(try await ask() == 2)
        try write("another", to: path)
        #expect(try await ask() == 3)
        #expect(unsafe unlink(path.string) == 0)
        #expect(try await ask() == 4)
    }

    private func write(_ text: String, to path: FilePath) throws {
        let file = try FileDescriptor.open(
            path,
            .writeOnly,
            options: [.create, .truncate, .closeOnExec],
            permissions: .ownerReadWrite
        )
        try file.closeAfter { _ = try file.writeAll(text.utf8) }
    }
}
