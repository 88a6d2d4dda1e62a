import Impersonation
import Synchronization

/// The processes that run right now, so that they can be ended.
public final class RunningJobs: Sendable {
    private struct State {
        var processes: [JobID: LaunchedProcess] = [:]
        var gracePeriod: Duration?
    }

    private let state = Mutex(State())

    /// Creates an empty collection.
    public init() {}

    /// Adds a process; one that comes when all were ended is ended as well.
    func add(_ process: LaunchedProcess, of job: JobID) {
        let gracePeriod = state.withLock { state in
            state.processes[job] = process
            return state.gracePeriod
        }
        if let gracePeriod { Self.end(process, gracePeriod) }
    }

    /// Takes a process out that has ended.
    func remove(_ job: JobID) {
        state.withLock { _ = $0.processes.removeValue(forKey: job) }
    }

    /// Ends every job as a whole, and those that are still being started; returns at once.
    ///
    /// Whoever waits for the end of a job is told when nothing of it is left.
    ///
    /// - Parameter gracePeriod: How long a job may take to end by itself once it was told to.
    /// - Returns: How many were running.
    @discardableResult
    public func end(within gracePeriod: Duration) -> Int {
        let processes = state.withLock { state in
            state.gracePeriod = gracePeriod
            return Array(state.processes.values)
        }
        for process in processes { Self.end(process, gracePeriod) }
        return processes.count
    }

    private static func end(_ process: LaunchedProcess, _ gracePeriod: Duration) {
        // Whoever runs the job waits for its end and writes it down, a lost one too.
        Task.detached { _ = try? await process.terminate(gracePeriod: gracePeriod) }
    }
}
