import Synchronization

/// One launch after the other, for each account whose password is proven.
///
/// What comes of one is known before the next one tries: a password that has been changed elsewhere costs one wrong try, and not as
/// many as there are jobs, which would lock the account. Within one process: daemons of a fleet have one try each.
final class CredentialTurns: Sendable {
    static let shared = CredentialTurns()

    /// Who waits for each account that somebody has the turn of.
    private let waiting = Mutex<[String: [CheckedContinuation<Void, Never>]]>([:])

    /// Runs a body when nobody else does for the account.
    ///
    /// A cancelled task has to wait as well; its body finds out for itself.
    func perform<R: Sendable>(
        for account: AccountName,
        _ body: () async throws(LaunchError) -> R
    ) async throws(LaunchError) -> R {
        let key = account.canonical
        await enter(key)
        defer { leave(key) }
        return try await body()
    }

    private func enter(_ key: String) async {
        await withCheckedContinuation { continuation in
            let isFirst = waiting.withLock { waiting in
                guard waiting[key] != nil else {
                    waiting[key] = []
                    return true
                }
                waiting[key]?.append(continuation)
                return false
            }
            if isFirst { continuation.resume() }
        }
    }

    private func leave(_ key: String) {
        let next = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
            guard var others = waiting[key], !others.isEmpty else {
                waiting[key] = nil
                return nil
            }
            let next = others.removeFirst()
            waiting[key] = others
            return next
        }
        next?.resume()
    }
}
