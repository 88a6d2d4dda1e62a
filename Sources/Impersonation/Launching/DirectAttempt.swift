import CLaunchPlan
import LaunchPlan
import Synchronization
import SystemPackage

/// One clone in direct mode, with the means to end it from another thread.
///
/// The cloning thread stands still until the child has become the job, and only ending the child frees it: the child may
/// hang on the file system of the program, or be stopped by a process of its account. The child belongs to exactly one
/// of the two: to whoever takes it, or, when the attempt was ended before, to the attempt, which discards it.
@safe
final class DirectAttempt: @unchecked Sendable {
    /// What came of the attempt.
    struct Outcome: Sendable {
        let child: StartedChild
        let failure: launch_failure?
        let fellBack: Bool
    }

    /// Why an attempt was ended.
    enum Reason {
        case cancellation
        case deadline
    }

    private enum Phase {
        case notStarted
        case running
        case over(Result<Outcome, Errno>)
        /// Taken, discarded, or never to be started.
        case closed
    }

    private struct State {
        var phase = Phase.notStarted
        /// Set once the attempt was ended.
        var reason: Reason?
    }

    private let result: UnsafeMutablePointer<launch_spawn_result>
    private let state = Mutex(State())

    /// Creates an attempt; nothing is cloned yet.
    init() {
        unsafe result = .allocate(capacity: 1)
        unsafe result.initialize(to: launch_spawn_result())
        unsafe result.pointee.process_descriptor = -1
    }

    deinit {
        unsafe result.deallocate()
    }

    /// Clones the child and comes back when it has become the job, or has failed, or was ended.
    ///
    /// - Parameters:
    ///   - plan: What the child does.
    ///   - arguments: The arguments of the job.
    ///   - environment: The environment of the job.
    /// - Returns: A child that nobody takes any more because the attempt was ended; the caller discards it.
    func run(_ plan: EncodedPlan, arguments: [String], environment: [String]) -> StartedChild? {
        let mayStart = state.withLock { state in
            guard case .notStarted = state.phase, state.reason == nil else { return false }
            state.phase = .running
            return true
        }
        guard mayStart else { return nil }
        let outcome = Result { () throws(Errno) in
            let (child, failure) = try unsafe ChildStarter.start(
                plan,
                arguments: ArgumentVector(arguments),
                environment: ArgumentVector(environment),
                result: result
            )
            return Outcome(child: child, failure: failure, fellBack: unsafe result.pointee.fell_back != 0)
        }
        return state.withLock { state in
            guard state.reason != nil else {
                state.phase = .over(outcome)
                return nil
            }
            state.phase = .closed
            return try? outcome.get().child
        }
    }

    /// Takes what came of the attempt, once.
    ///
    /// - Returns: `nil` when it is not over, or was ended.
    func take() -> Result<Outcome, Errno>? {
        state.withLock { state in
            guard case .over(let outcome) = state.phase else { return nil }
            state.phase = .closed
            return outcome
        }
    }

    /// Why the attempt was ended, if it was.
    var reason: Reason? { state.withLock { $0.reason } }

    /// Ends the attempt: kills the child if there is one, and keeps it from being cloned if there is none yet.
    ///
    /// - Parameter reason: Why. A child that has become the job stays what it is.
    /// - Returns: Whether the child may have to be killed again: its descriptor was not there yet.
    @discardableResult
    func end(_ reason: Reason) -> Bool {
        state.withLock { state in
            if case .over = state.phase { return false }
            // The child may be the job by now although the thread that cloned it has not come back yet. Nobody reaps it
            // while the lock is held, so its number is its own.
            if unsafe launch_withdraw(result) == 0,
                (try? OutsideProof.hasExecuted(unsafe result.pointee.process)) != false
            {
                return false
            }
            state.reason = state.reason ?? reason
            // The lock is held while the descriptor is used, so nobody can close it meanwhile.
            guard case .running = state.phase else { return false }
            let descriptor = unsafe launch_watched_descriptor(result)
            guard descriptor >= 0 else { return true }
            _ = launch_signal(descriptor, Signal.kill.rawValue)
            return false
        }
    }
}
