/// What the threads of ``BlockingWorkers`` share: the queue, the work under way and its deadlines.
final class BlockingWorkersCore: Sendable {
    /// Deadlines this close to each other are served by one wake-up of the watching thread.
    private static let slack = Duration.milliseconds(1)

    private let name: String
    private let maximumThreads: Int
    private let idleTime: Duration
    private let monitor = Monitor(BlockingWorkersState())
    private let workArrived = MonitorCondition()
    private let deadlineMoved = MonitorCondition()

    init(name: String, maximumThreads: Int, idleTime: Duration) {
        self.name = name
        self.maximumThreads = maximumThreads
        self.idleTime = idleTime
    }

    var threads: (existing: Int, stuck: Int) {
        monitor.withLock { ($0.threads, $0.stuck.count) }
    }

    var queued: Int {
        monitor.withLock { $0.waiting.count }
    }

    /// Queues work, or fails it at once when there is no thread for it and none can be had.
    func submit(_ work: BlockingWork) {
        let isAccepted = monitor.withLock { state in
            guard state.stuck.count < maximumThreads else { return false }
            if let deadline = work.deadline {
                guard watchDeadlines(&state) else { return false }
                if state.bringForward(deadline) { deadlineMoved.signal() }
            }
            guard findWorker(&state) else { return false }
            state.enqueue(work)
            return true
        }
        if !isAccepted { work.fail(.saturated) }
    }

    /// Ends the idle threads; those that are busy end after their work.
    func close() {
        monitor.withLock { $0.isClosed = true }
        workArrived.broadcast()
        deadlineMoved.broadcast()
    }

    /// Makes sure that a thread looks at the queue once more; threads are started under the lock, so that nobody
    /// relies on one that could not be had.
    private func findWorker(_ state: inout BlockingWorkersState) -> Bool {
        if state.waiting.count >= state.idle, state.threads < maximumThreads, OwnThread.start(name, { self.work() }) {
            state.threads += 1
        } else if state.idle > 0 {
            workArrived.signal()
        }
        return state.threads > 0
    }

    /// Makes sure that a thread watches the deadlines.
    private func watchDeadlines(_ state: inout BlockingWorkersState) -> Bool {
        if !state.hasWatcher { state.hasWatcher = OwnThread.start(name, { self.watch() }) }
        return state.hasWatcher
    }

    private func work() {
        while let (id, work) = nextWork() {
            work.execute()
            monitor.withLock { $0.finish(id) }
        }
    }

    /// Waits for work; `nil` when there was none for long enough.
    private func nextWork() -> (UInt64, BlockingWork)? {
        let limit = MonotonicTime.now + idleTime
        var isIdle = false
        return monitor.wait(on: workArrived) { state, isLate in
            let next = state.start()
            if next != nil || isLate || state.isClosed {
                if isIdle { state.idle -= 1 }
                if next == nil { state.threads -= 1 }
                return .done(next)
            }
            if !isIdle {
                isIdle = true
                state.idle += 1
            }
            return .sleep(until: limit)
        }
    }

    private func watch() {
        while let late = nextExpired() {
            for (work, error) in late { work.fail(error) }
        }
    }

    /// Waits until a deadline passes; `nil` when there was none to watch for long enough.
    private func nextExpired() -> [(BlockingWork, BlockingWorkersError)]? {
        let slack = Self.slack
        var isLingering = false
        return monitor.wait(on: deadlineMoved) { state, isLate in
            let now = MonotonicTime.now
            let expired = state.expire(at: now, maximumThreads: maximumThreads)
            if !expired.isEmpty { return .done(expired) }
            if let next = state.earliestDeadline, !state.isClosed {
                isLingering = false
                state.watcherWakes = max(next, now + slack)
                return .sleep(until: state.watcherWakes)
            }
            if state.isClosed || (isLingering && isLate) {
                state.hasWatcher = false
                return .done(nil)
            }
            isLingering = true
            state.watcherWakes = now + idleTime
            return .sleep(until: state.watcherWakes)
        }
    }
}
