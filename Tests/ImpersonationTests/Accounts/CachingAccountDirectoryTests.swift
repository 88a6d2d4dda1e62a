import Glibc
import ImpersonationTesting
import Synchronization
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The caching directory", .timeLimit(.minutes(1)))
struct CachingAccountDirectoryTests {
    let clock = ManualClock()
    let alice: Account
    let directory: CountingDirectory
    let cache: CachingAccountDirectory

    init() throws {
        let clock = clock
        alice = try Account("alice", uid: 1_001)
        directory = try CountingDirectory(alice, Account("MYCORP\\bob", uid: 11_103))
        cache = CachingAccountDirectory(
            directory,
            timeToLive: .seconds(60),
            negativeTimeToLive: .seconds(5),
            capacity: 100,
            stamp: nil,
            now: { clock.now }
        )
    }

    static let outages: [AccountDirectoryError.Code] = [.unavailable, .deadlineExceeded, .saturated]

    private func failure(_ code: AccountDirectoryError.Code) -> AccountDirectoryError {
        AccountDirectoryError(code, subject: "account alice", message: "as the test wants it")
    }

    @Test("asks once within the time to live, and again after it")
    func timeToLive() async throws {
        for _ in 0..<3 { #expect(try await cache.account(named: alice.name, freshness: .cached) == alice) }
        #expect(directory.questions == ["name alice"])
        clock.advance(by: .seconds(60) - .nanoseconds(1))
        _ = try await cache.account(named: alice.name, freshness: .cached)
        #expect(directory.questions.count == 1)
        clock.advance(by: .nanoseconds(1))
        _ = try await cache.account(named: alice.name, freshness: .cached)
        #expect(directory.questions.count == 2)
    }

    @Test("counts the time to live from when it was asked, not from when it was answered")
    func timeToLiveOfASlowAnswer() async throws {
        directory.hold()
        async let slow = cache.account(named: alice.name, freshness: .cached)
        await directory.arrival(ofQuestions: 1)
        clock.advance(by: .seconds(59))
        directory.release()
        #expect(try await slow == alice)
        clock.advance(by: .seconds(1))
        _ = try await cache.account(named: alice.name, freshness: .cached)
        #expect(directory.questions.count == 2)
    }

    @Test("does not remember an account whose groups are not complete, nor forget a complete one over it")
    func incomplete() async throws {
        let partial = try Account.forTesting("alice", uid: 1_001, groupsAreComplete: false)
        directory.change { $0.accounts["alice"] = partial }
        for _ in 0..<2 { #expect(try await cache.account(named: alice.name, freshness: .cached) == partial) }
        #expect(directory.questions.count == 2)
        #expect(cache.count == 0)
        directory.change { $0.accounts["alice"] = alice }
        _ = try await cache.account(named: alice.name, freshness: .cached)
        directory.change { $0.accounts["alice"] = partial }
        #expect(try await cache.account(named: alice.name, freshness: .current) == partial)
        #expect(try await cache.account(named: alice.name, freshness: .cached) == alice)
        #expect(directory.questions.count == 4)
    }

    @Test("remembers for as long as an absence why there may be one all the same")
    func doubts() async throws {
        directory.change { $0.doubts = ["nobody tells"] }
        #expect(await cache.reasonsToDoubtAbsence() == ["nobody tells"])
        directory.change { $0.doubts = [] }
        clock.advance(by: .seconds(5) - .nanoseconds(1))
        #expect(await cache.reasonsToDoubtAbsence() == ["nobody tells"])
        #expect(directory.questions == ["doubts"])
        clock.advance(by: .nanoseconds(1))
        #expect(await cache.reasonsToDoubtAbsence() == [])
        directory.change { $0.doubts = ["away"] }
        #expect(await cache.reasonsToDoubtAbsence() == ["away"], "that there is none is not remembered")
    }

    @Test("says that there is none by no question that was on its way before, and asks once for all who wait")
    func doubtsSince() async throws {
        directory.hold()
        async let early = cache.reasonsToDoubtAbsence()
        await directory.arrival(ofQuestions: 1)
        directory.change { $0.doubts = ["away"] }
        // Each has asked, and waits, before the next line.
        let first = Task.immediate { await cache.reasonsToDoubtAbsence() }
        let second = Task.immediate { await cache.reasonsToDoubtAbsence() }
        #expect(directory.questions == ["doubts"])
        directory.release()
        #expect(await early == [])
        #expect(await first.value == ["away"])
        #expect(await second.value == ["away"])
        #expect(directory.questions == ["doubts", "doubts"])
    }

    @Test("forgets why with everything else, also what it is being told")
    func forgottenDoubts() async throws {
        directory.change { $0.doubts = ["away"] }
        _ = await cache.reasonsToDoubtAbsence()
        directory.change { $0.doubts = [] }
        cache.invalidateAll()
        #expect(await cache.reasonsToDoubtAbsence() == [])
        directory.change { $0.doubts = ["away"] }
        directory.hold()
        async let asked = cache.reasonsToDoubtAbsence()
        await directory.arrival(ofQuestions: 3)
        cache.invalidateAll()
        directory.change { $0.doubts = [] }
        directory.release()
        #expect(await asked == ["away"])
        #expect(await cache.reasonsToDoubtAbsence() == [])
    }

    @Test("remembers that there is no such account for a shorter time")
    func negativeTimeToLive() async throws {
        let nobody = try AccountName("nobody-here")
        for _ in 0..<3 { #expect(try await cache.account(named: nobody, freshness: .cached) == nil) }
        #expect(directory.questions.count == 1)
        clock.advance(by: .seconds(5))
        directory.change { $0.accounts["nobody-here"] = try? Account("nobody-here", uid: 7) }
        #expect(try await cache.account(named: nobody, freshness: .cached)?.userID == UserID(rawValue: 7))
    }

    @Test("always asks for a current answer, and remembers it")
    func current() async throws {
        _ = try await cache.account(named: alice.name, freshness: .cached)
        directory.change { $0.accounts["alice"] = nil }
        #expect(try await cache.account(named: alice.name, freshness: .cached) == alice)
        #expect(try await cache.account(named: alice.name, freshness: .current) == nil)
        #expect(try await cache.account(named: alice.name, freshness: .cached) == nil)
        #expect(directory.questions.count == 2)
        #expect(directory.script.withLock { $0.freshness } == [.current])
    }

    @Test("does not take a lookup that began earlier for a current answer, nor lets it win")
    func currentDoesNotJoin() async throws {
        directory.hold()
        async let early = cache.account(named: alice.name, freshness: .cached)
        await directory.arrival(ofQuestions: 1)
        let newAlice = try Account("alice", uid: 2_002)
        directory.change { $0.accounts["alice"] = newAlice }
        async let current = cache.account(named: alice.name, freshness: .current)
        await directory.arrival(ofQuestions: 2)
        directory.releaseLast()
        #expect(try await current == newAlice)
        directory.release()
        #expect(try await early == alice)
        #expect(try await cache.account(named: alice.name, freshness: .cached) == newAlice)
        #expect(directory.questions.count == 2)
    }

    @Test("asks once for a thousand that ask at the same time")
    func singleFlight() async throws {
        directory.hold()
        let answers = try await withThrowingTaskGroup(of: Account?.self) { group in
            for _ in 0..<1_000 {
                group.addTask { try await cache.account(named: alice.name, freshness: .cached) }
            }
            await directory.arrival(ofQuestions: 1)
            directory.release()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count == 1_000)
        #expect(answers.allSatisfy { $0 == alice })
        #expect(directory.questions.count == 1)
    }

    @Test("lets a cancelled asker go at once and answers the others")
    func cancelledAsker() async throws {
        directory.hold()
        let name = alice.name
        let first = Task { try await cache.account(named: name, freshness: .cached) }
        await directory.arrival(ofQuestions: 1)
        let second = Task { try await cache.account(named: name, freshness: .cached) }
        first.cancel()
        let error = await #expect(throws: AccountDirectoryError.self) { try await first.value }
        #expect(error?.code == .cancelled)
        directory.release()
        #expect(try await second.value == alice)
        #expect(try await cache.account(named: name, freshness: .cached) == alice)
        #expect(directory.questions.count == 1)
    }

    @Test("never remembers an error", arguments: outages + [.inconsistentAnswer])
    func errorsAreNotRemembered(code: AccountDirectoryError.Code) async throws {
        directory.change { $0.failure = failure(code) }
        for freshness in [AccountFreshness.cached, .stale, .current] {
            let error = await #expect(throws: AccountDirectoryError.self) {
                try await cache.account(named: alice.name, freshness: freshness)
            }
            #expect(error?.code == code)
        }
        directory.change { $0.failure = nil }
        #expect(try await cache.account(named: alice.name, freshness: .cached) == alice)
        #expect(directory.questions.count == 4)
    }

    @Test("gives an expired answer to nobody but who takes a stale one, and only in an outage", arguments: outages)
    func staleAnswer(code: AccountDirectoryError.Code) async throws {
        _ = try await cache.account(named: alice.name, freshness: .cached)
        clock.advance(by: .seconds(3_600))
        directory.change { $0.failure = failure(code) }
        #expect(try await cache.account(named: alice.name, freshness: .stale) == alice)
        for freshness in [AccountFreshness.cached, .current] {
            await #expect(throws: failure(code)) { try await cache.account(named: alice.name, freshness: freshness) }
        }
        directory.change { script in
            script.failure = nil
            script.accounts = [:]
        }
        #expect(try await cache.account(named: alice.name, freshness: .stale) == nil, "the directory is back")
    }

    @Test("does not cover up an inconsistent answer with an expired one")
    func staleAfterAnInconsistentAnswer() async throws {
        _ = try await cache.account(named: alice.name, freshness: .cached)
        clock.advance(by: .seconds(3_600))
        directory.change { $0.failure = failure(.inconsistentAnswer) }
        await #expect(throws: failure(.inconsistentAnswer)) {
            try await cache.account(named: alice.name, freshness: .stale)
        }
    }

    @Test("does not say from an expired memory that there is no such account")
    func staleAbsence() async throws {
        let nobody = try AccountName("nobody-here")
        _ = try await cache.account(named: nobody, freshness: .cached)
        clock.advance(by: .seconds(3_600))
        directory.change { $0.failure = failure(.unavailable) }
        await #expect(throws: failure(.unavailable)) { try await cache.account(named: nobody, freshness: .stale) }
    }

    @Test("asks for each spelling of a name, because a directory may know one alone")
    func spellings() async throws {
        let known = try AccountName("MYCORP\\bob")
        let unknown = try AccountName("bob@MYCORP")
        #expect(known == unknown)
        #expect(try await cache.account(named: known, freshness: .cached) != nil)
        #expect(try await cache.account(named: unknown, freshness: .cached) == nil)
        #expect(directory.questions == ["name MYCORP\\bob", "name bob@MYCORP"])
    }

    @Test("remembers answers by user id and for groups")
    func otherQuestions() async throws {
        directory.change { $0.groups["staff"] = GroupID(rawValue: 50) }
        for _ in 0..<2 {
            #expect(try await cache.account(withID: alice.userID, freshness: .cached) == alice)
            #expect(try await cache.groupID(named: "staff", freshness: .cached) == GroupID(rawValue: 50))
            #expect(try await cache.groupID(named: "nothing", freshness: .cached) == nil)
        }
        #expect(directory.questions == ["uid 1001", "group staff", "group nothing"])
    }
}
