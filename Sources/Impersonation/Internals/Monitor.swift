import Glibc

/// A state behind a `pthread_mutex_t` that own threads can wait on: `Mutex` has no condition.
///
/// Waiting blocks the calling thread: never call ``wait(on:_:)`` on a thread of the Swift concurrency pool.
@safe
final class Monitor<State: Sendable>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var state: State

    init(_ state: State) {
        self.state = state
        unsafe mutex = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs a short piece of work with the state, under the lock.
    func withLock<Value>(_ body: (inout State) -> Value) -> Value {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body(&state)
    }

    /// Waits until the body returns a value; it is asked under the lock, at first and after every wake-up.
    ///
    /// - Parameters:
    ///   - condition: What wakes the thread.
    ///   - body: Returns the value waited for, or until when to sleep at most before it is asked again. Its second
    ///     argument says whether that time has passed.
    /// - Returns: What the body returned.
    func wait<Value>(
        on condition: MonitorCondition,
        _ body: (inout State, _ isLate: Bool) -> MonitorStep<Value>
    ) -> Value {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        var isLate = false
        while true {
            switch body(&state, isLate) {
            case .done(let value): return value
            case .sleep(let limit): isLate = unsafe condition.sleep(unlocking: mutex, until: limit)
            }
        }
    }
}

/// What a thread that waits in a ``Monitor`` does next.
enum MonitorStep<Value> {
    /// It returns this.
    case done(Value)

    /// It sleeps until it is woken, or until this time.
    case sleep(until: MonotonicTime)
}

/// What threads that wait in a ``Monitor`` are woken by: a `pthread_cond_t` on `CLOCK_MONOTONIC`.
@safe
final class MonitorCondition: @unchecked Sendable {
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        unsafe condition = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        // On the default clock a deadline would move whenever somebody sets the time.
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe condition.deallocate()
    }

    /// Wakes one waiting thread.
    func signal() {
        unsafe pthread_cond_signal(condition)
    }

    /// Wakes every waiting thread.
    func broadcast() {
        unsafe pthread_cond_broadcast(condition)
    }

    /// Sleeps until a wake-up or the limit; returns whether the limit has passed.
    fileprivate func sleep(
        unlocking mutex: UnsafeMutablePointer<pthread_mutex_t>,
        until limit: MonotonicTime
    ) -> Bool {
        var time = limit.timespec
        return unsafe pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT
    }
}
