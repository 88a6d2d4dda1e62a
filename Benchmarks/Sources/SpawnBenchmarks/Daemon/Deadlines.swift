import Glibc
import Synchronization

/// Does something where nobody has said in time that it need not.
///
/// On a thread that is none of the pool's: those may all stand still.
final class Deadlines: Sendable {
    private struct State {
        var handlers: [UInt64: (instant: ContinuousClock.Instant, handler: @Sendable () -> Void)] = [:]
        var nextNumber: UInt64 = 0
        var isRunning = false
    }

    /// Those of this process.
    static let shared = Deadlines()

    /// How late it may be, in microseconds.
    private static let interval: UInt32 = 20_000

    private let state = Mutex(State())

    /// Sets one.
    ///
    /// - Parameters:
    ///   - limit: How long from now.
    ///   - handler: What is done then.
    /// - Returns: Its number, to take it back.
    func set(_ limit: Duration, _ handler: @escaping @Sendable () -> Void) -> UInt64 {
        state.withLock { state in
            state.nextNumber += 1
            state.handlers[state.nextNumber] = (.now + limit, handler)
            if !state.isRunning {
                state.isRunning = true
                guard PlainThread.start({ [self] in watch() }) == 0 else { fatalError("no thread could be started") }
            }
            return state.nextNumber
        }
    }

    /// Takes one back, which may have passed.
    func remove(_ number: UInt64) {
        _ = state.withLock { $0.handlers.removeValue(forKey: number) }
    }

    private func watch() {
        while true {
            usleep(Self.interval)
            let now = ContinuousClock.now
            let due = state.withLock { state in
                let due = state.handlers.filter { $0.value.instant <= now }
                for number in due.keys { state.handlers[number] = nil }
                return due.sorted { $0.key < $1.key }.map(\.value.handler)
            }
            for handler in due { handler() }
        }
    }
}
