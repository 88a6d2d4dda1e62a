/// The bookkeeping of ``BlockingWorkersCore``; every change happens under its lock.
struct BlockingWorkersState: Sendable {
    /// Work nobody has started, by its number; numbers are given in order of arrival.
    private(set) var waiting: [UInt64: BlockingWork] = [:]

    /// Work that has a thread, stuck or not.
    private(set) var running: [UInt64: BlockingWork] = [:]

    /// Running work past its deadline.
    private(set) var stuck: Set<UInt64> = []

    /// How many worker threads exist.
    var threads = 0

    /// How many worker threads wait for work.
    var idle = 0

    /// Whether the watching thread exists.
    var hasWatcher = false

    /// Until when the watching thread sleeps.
    var watcherWakes = MonotonicTime.now

    /// Whether threads end as soon as they have nothing to do.
    var isClosed = false

    private var nextArrival: UInt64 = 0
    private var nextStart: UInt64 = 0

    mutating func enqueue(_ work: BlockingWork) {
        waiting[nextArrival] = work
        nextArrival += 1
    }

    /// Notes that something ends earlier than the watching thread wakes; returns whether it has to be woken for it.
    mutating func bringForward(_ deadline: MonotonicTime) -> Bool {
        guard deadline < watcherWakes else { return false }
        watcherWakes = deadline
        return true
    }

    /// The next work that somebody still waits for; from here on it counts as running.
    mutating func start() -> (UInt64, BlockingWork)? {
        while nextStart < nextArrival {
            defer { nextStart += 1 }
            guard let work = waiting.removeValue(forKey: nextStart), work.isWanted() else { continue }
            running[nextStart] = work
            return (nextStart, work)
        }
        return nil
    }

    mutating func finish(_ id: UInt64) {
        running[id] = nil
        stuck.remove(id)
    }

    /// Takes everything out of the queue.
    mutating func abandonQueue() -> [BlockingWork] {
        defer { waiting = [:] }
        return Array(waiting.values)
    }

    /// Collects the work whose callers must not wait any longer, and what to tell them.
    mutating func expire(
        at now: MonotonicTime,
        maximumThreads: Int
    ) -> [(BlockingWork, BlockingWorkersError)] {
        var result: [(BlockingWork, BlockingWorkersError)] = []
        for (id, work) in running {
            guard let deadline = work.deadline, deadline <= now, stuck.insert(id).inserted else { continue }
            result.append((work, .deadlineExceeded))
        }
        if stuck.count >= maximumThreads {
            result += abandonQueue().map { ($0, .saturated) }
        }
        for (id, work) in waiting {
            guard let deadline = work.deadline, deadline <= now else { continue }
            waiting[id] = nil
            result.append((work, .saturated))
        }
        return result
    }

    /// When the next caller stops waiting.
    var earliestDeadline: MonotonicTime? {
        let queued = waiting.values.lazy.compactMap(\.deadline).min()
        let started = running.lazy.filter { !stuck.contains($0.key) }.compactMap(\.value.deadline).min()
        guard let queued, let started else { return queued ?? started }
        return min(queued, started)
    }
}
