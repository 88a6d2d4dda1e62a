import Synchronization
import SystemPackage

@testable import Impersonation

/// A directory that counts what it is asked, and answers when the test lets it.
final class CountingDirectory: AccountDirectory {
    struct Script {
        var accounts: [String: Account] = [:]
        var groups: [String: GroupID] = [:]
        var failure: AccountDirectoryError?
        var doubts: [String] = []
        var questions: [String] = []
        var freshness: Set<AccountFreshness> = []
        var isHolding = false
        var held: [OneShot<Void>] = []
        var watchers: [(count: Int, OneShot<Void>)] = []
    }

    let script = Mutex(Script())

    init(_ accounts: Account...) {
        script.withLock { script in
            for account in accounts { script.accounts[account.name.spelling] = account }
        }
    }

    var questions: [String] { script.withLock { $0.questions } }

    /// Lets lookups wait from now on.
    func hold() {
        script.withLock { $0.isHolding = true }
    }

    /// Lets the lookups that wait go on, with the answers as they are now.
    func release() {
        let held = script.withLock { script in
            defer { script.held = [] }
            script.isHolding = false
            return script.held
        }
        for shot in held { shot.settle(()) }
    }

    /// Lets the lookup that came last go on, and holds the others.
    func releaseLast() {
        let last = script.withLock { $0.held.popLast() }
        last?.settle(())
    }

    func change(_ change: (inout Script) -> Void) {
        script.withLock { change(&$0) }
    }

    /// Waits until this many questions have arrived.
    func arrival(ofQuestions count: Int) async {
        let shot = OneShot<Void>()
        script.withLock { script in
            if script.questions.count >= count {
                shot.settle(())
            } else {
                script.watchers.append((count, shot))
            }
        }
        await shot.value(orWhenCancelled: ())
    }

    func account(
        named name: AccountName,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> Account? {
        try await answer("name \(name.spelling)", freshness) { $0.accounts[name.spelling] }
    }

    func account(
        withID userID: UserID,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> Account? {
        try await answer("uid \(userID.rawValue)", freshness) { script in
            script.accounts.values.first { $0.userID == userID }
        }
    }

    func groupID(
        named name: String,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> GroupID? {
        try await answer("group \(name)", freshness) { $0.groups[name] }
    }

    func reasonsToDoubtAbsence() async -> [String] {
        let answer = try? await answer("doubts", .current) { $0.doubts }
        return answer.flatMap { $0 } ?? []
    }

    /// Answers with what was true when the question arrived.
    private func answer<Value: Sendable>(
        _ question: String,
        _ freshness: AccountFreshness,
        _ read: (Script) -> Value?
    ) async throws(AccountDirectoryError) -> Value? {
        let (result, wait) = script.withLock { script -> (Result<Value?, AccountDirectoryError>, OneShot<Void>?) in
            script.questions.append(question)
            script.freshness.insert(freshness)
            for (count, watcher) in script.watchers where count <= script.questions.count { watcher.settle(()) }
            let result: Result<Value?, AccountDirectoryError> =
                script.failure.map { .failure($0) } ?? .success(read(script))
            guard script.isHolding else { return (result, nil) }
            let shot = OneShot<Void>()
            script.held.append(shot)
            return (result, shot)
        }
        await wait?.value(orWhenCancelled: ())
        return try result.get()
    }
}

extension Account {
    init(_ name: String, uid: UInt32) throws {
        self.init(
            name: try AccountName(name),
            userID: UserID(rawValue: uid),
            groupID: GroupID(rawValue: uid),
            groups: [],
            homeDirectory: "/home/x",
            shell: "/bin/sh"
        )
    }
}
