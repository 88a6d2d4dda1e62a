public import Impersonation
import Synchronization

/// The processes that run right now, so that they can be told to end.
public final class RunningJobs: Sendable {
    private struct State {
        var processes: [JobID: LaunchedProcess] = [:]
        var signal: Signal?
    }

    private let state = Mutex(State())

    /// Creates an empty collection.
    public init() {}

    /// Adds a process; one that comes when all were told to end is told so as well.
    func add(_ process: LaunchedProcess, of job: JobID) {
        let signal = state.withLock { state in
            state.processes[job] = process
            return state.signal
        }
        if let signal { try? process.send(signal) }
    }

    /// Takes a process out that has ended.
    func remove(_ job: JobID) {
        state.withLock { _ = $0.processes.removeValue(forKey: job) }
    }

    /// Sends a signal to every process, and to those that are still being started.
    ///
    /// - Parameter signal: The signal.
    /// - Returns: How many were running.
    @discardableResult
    public func send(_ signal: Signal) -> Int {
        let processes = state.withLock { state in
            state.signal = signal
            return Array(state.processes.values)
        }
        // One that has just ended is no failure.
        for process in processes { try? process.send(signal) }
        return processes.count
    }
}
