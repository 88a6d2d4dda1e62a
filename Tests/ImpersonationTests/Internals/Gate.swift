@testable import Impersonation

/// What blocking work in tests waits for; opening it lets everybody through, now and later.
final class Gate: Sendable {
    private let monitor = Monitor(false)
    private let opened = MonitorCondition()
    private let notice = OneShot<Void>()

    func open() {
        monitor.withLock { $0 = true }
        opened.broadcast()
        notice.settle(())
    }

    /// Waits without blocking the thread of a test; one task may do so.
    func isOpened() async {
        await notice.value(orWhenCancelled: ())
    }

    /// Blocks the thread until the gate is open: for blocking work only, a test would block the concurrency pool.
    func wait() {
        monitor.wait(on: opened) { isOpen, _ in
            isOpen ? .done(()) : .sleep(until: .now + .seconds(60))
        }
    }
}
