import Synchronization

/// Keeps a child from being reaped while somebody relies on its number, and whoever would reap it from waiting for that.
///
/// A look at all processes of the machine can take seconds, and the thread that reaps is the one that everybody waits for.
final class ReapingGuard: Sendable {
    private struct State {
        var users = 0
        var isReaped = false
        var isDue = false
    }

    private let state = Mutex(State())

    /// Does something with a child that nobody reaps meanwhile.
    ///
    /// - Parameters:
    ///   - body: What is done.
    ///   - due: Called afterwards when the child was to be reaped meanwhile.
    /// - Returns: What came of it; `nil` when the child has been reaped.
    func using<R>(_ body: () -> R, whenDue due: () -> Void) -> R? {
        let isThere = state.withLock { state in
            guard !state.isReaped else { return false }
            state.users += 1
            return true
        }
        guard isThere else { return nil }
        let result = body()
        let isDue = state.withLock { state in
            state.users -= 1
            guard state.users == 0, state.isDue else { return false }
            state.isDue = false
            return true
        }
        if isDue { due() }
        return result
    }

    /// Reaps the child, unless somebody uses it: whoever does it last is told then.
    ///
    /// - Parameter body: Reaps it, at once, and says whether it has.
    func reap(_ body: () -> Bool) {
        state.withLock { state in
            guard !state.isReaped else { return }
            guard state.users == 0 else {
                state.isDue = true
                return
            }
            state.isReaped = body()
        }
    }
}
