import Synchronization

/// A value that is set once and awaited by one task.
///
/// Whoever settles it first decides; later values are dropped.
final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Value, Never>)
        case settled(Value)
    }

    private let state = Mutex(State.open)

    /// Whether a value is there.
    var isSettled: Bool {
        state.withLock { state in
            if case .settled = state { true } else { false }
        }
    }

    /// Sets the value and wakes the task that awaits it.
    ///
    /// - Returns: Whether this call decided; `false` when a value was there already.
    @discardableResult
    func settle(_ value: Value) -> Bool {
        let (first, waiting) = state.withLock { state -> (Bool, CheckedContinuation<Value, Never>?) in
            switch state {
            case .settled:
                return (false, nil)
            case .open:
                state = .settled(value)
                return (true, nil)
            case .awaited(let continuation):
                state = .settled(value)
                return (true, continuation)
            }
        }
        waiting?.resume(returning: value)
        return first
    }

    /// Waits for the value, whether or not the awaiting task is cancelled; at most one task may do so.
    ///
    /// - Returns: The value that was set first.
    func value() async -> Value {
        await withCheckedContinuation { continuation in
            let early = state.withLock { state -> Value? in
                if case .settled(let value) = state { return value }
                state = .awaited(continuation)
                return nil
            }
            if let early { continuation.resume(returning: early) }
        }
    }

    /// Waits for the value; at most one task may do so.
    ///
    /// - Parameter cancelled: What to settle it with when the awaiting task is cancelled.
    /// - Returns: The value that was set first.
    func value(orWhenCancelled cancelled: Value) async -> Value {
        await withTaskCancellationHandler {
            await value()
        } onCancel: {
            settle(cancelled)
        }
    }
}
