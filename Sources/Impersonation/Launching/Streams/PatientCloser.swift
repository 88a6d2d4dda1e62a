import Synchronization

/// Does what an account can hold up in the kernel, on threads that nobody waits for.
///
/// The last `close(2)` of a terminal hangs it up, and waits for every process that is inside a `read(2)` or `write(2)` of
/// its other side (`tty_ldisc_hangup`); that of a pipe waits for its lock. Both are held while the kernel copies from or to
/// memory of the job, and where a page of that is one of a file system whose server the account runs itself, neither a signal
/// nor a deadline ends the wait. So it costs a thread of its own, of which each account has a few; what is beyond waits for
/// its turn, with its descriptor open. Accounts that hold up all of theirs keep others waiting for a second, by when they are
/// known, and for longer where the process can make no thread any more.
final class PatientCloser: Sendable {
    private struct Queue {
        /// When each began that is under way.
        var running: [UInt64: ContinuousClock.Instant] = [:]
        var waiting: [@Sendable () -> Void] = []
    }

    private struct State {
        var queues: [UInt32: Queue] = [:]
        var nextNumber: UInt64 = 0
        var isTriedAgain = false

        /// How many are under way that nobody holds up, as far as that can be told yet.
        var flowing: Int {
            let now = ContinuousClock.now
            return queues.values.reduce(0) { $0 + $1.running.values.count { now - $0 <= PatientCloser.patience } }
        }
    }

    /// What the jobs of this process share.
    static let shared = PatientCloser()

    /// How long a close takes that nobody holds up; it is microseconds, and the machine may be busy.
    private static let patience: Duration = .seconds(1)
    private static let threadsOfOne = 4

    /// Those that are held up count for as long as ``patience``: nobody knows before.
    private static let threadsOfAll = 64

    /// How soon it is tried again when no thread could be made.
    private static let retryDelay: Duration = .milliseconds(100)

    private let state = Mutex(State())

    /// Closes a descriptor.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor; it is the closer's from now on.
    ///   - userID: The account that can hold the close up.
    ///   - close: What closes it.
    func close(_ descriptor: Int32, of userID: UInt32, by close: @escaping @Sendable (Int32) -> Void) {
        perform(for: userID) { close(descriptor) }
    }

    /// Does something later, in no particular order; ``SudoProcess`` has its signals sent like that, on threads of its own.
    ///
    /// - Parameters:
    ///   - userID: The account that can hold it up.
    ///   - work: What is to be done.
    func perform(for userID: UInt32, _ work: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.queues[userID, default: Queue()].waiting.append(work)
            startThreads(in: &state)
        }
    }

    /// Whether an account holds up as much as it can, and is better given nothing more of the kind.
    ///
    /// - Parameter userID: The account.
    /// - Returns: Whether every thread of the account has stood still for longer than a close takes.
    func isHeldUp(by userID: UInt32) -> Bool {
        let now = ContinuousClock.now
        return state.withLock { state in
            let running = state.queues[userID]?.running.values
            return running?.count { now - $0 > Self.patience } ?? 0 >= Self.threadsOfOne
        }
    }

    /// Starts threads for the accounts that something waits for, as far as they may have more.
    private func startThreads(in state: inout State) {
        var room = Self.threadsOfAll - state.flowing
        for (userID, queue) in state.queues {
            for _ in 0..<min(queue.waiting.count, max(0, Self.threadsOfOne - queue.running.count)) {
                let number = state.nextNumber
                state.nextNumber += 1
                guard room > 0, OwnThread.start("impersonation-cp", { [self] in run(number, userID) }) else {
                    return retryLater(&state)
                }
                state.queues[userID]?.running[number] = .now
                room -= 1
            }
        }
    }

    private func retryLater(_ state: inout State) {
        // Without a reactor there has been no launch, and nothing to close.
        guard !state.isTriedAgain, let reactor = try? Reactor.shared() else { return }
        state.isTriedAgain = true
        _ = reactor.alarm(at: .now + Self.retryDelay) { [self] in
            self.state.withLock { state in
                state.isTriedAgain = false
                startThreads(in: &state)
            }
        }
    }

    /// Does one after the other until nothing is left for an account.
    private func run(_ number: UInt64, _ userID: UInt32) {
        while let work = next(number, userID) { work() }
    }

    private func next(_ number: UInt64, _ userID: UInt32) -> (@Sendable () -> Void)? {
        state.withLock { state in
            if state.queues[userID]?.waiting.isEmpty == false {
                state.queues[userID]?.running[number] = .now
                return state.queues[userID]?.waiting.removeFirst()
            }
            state.queues[userID]?.running[number] = nil
            if state.queues[userID]?.running.isEmpty == true { state.queues[userID] = nil }
            // Those who found every thread taken.
            startThreads(in: &state)
            return nil
        }
    }
}
