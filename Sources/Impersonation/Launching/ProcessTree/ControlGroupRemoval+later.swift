import Glibc
import LaunchPlan
import Synchronization

extension ControlGroupRemoval {
    private static let shortestDelay = Duration.milliseconds(1)
    private static let longestDelay = Duration.seconds(30)

    /// How long the exit of this process waits for those that are empty.
    private static let patienceAtExit = Duration.milliseconds(200)

    /// Those that are still to be made.
    private struct Pending {
        var removals: [UInt64: ControlGroupRemoval] = [:]
        var nextNumber: UInt64 = 0
        var isDrainedAtExit = false
    }

    private static let pending = Mutex(Pending())

    /// The process whose groups they are.
    private static let owner = Atomic<Int32>(0)

    /// Removes the group soon, on a thread that no job waits for; at the latest when this process exits (`exit(3)`).
    ///
    /// What waits for its last process holds nothing of the job meanwhile, which may be for months.
    ///
    /// - Parameter reactor: Who does it where no other thread can be had.
    func perform(aside reactor: Reactor) {
        let number = Self.pending.withLock { pending in
            if !pending.isDrainedAtExit {
                // A fork that exits has them as well, and perhaps the lock as another thread held it.
                Self.owner.store(getpid(), ordering: .relaxed)
                pending.isDrainedAtExit = atexit { ControlGroupRemoval.drain() } == 0
            }
            pending.nextNumber += 1
            pending.removals[pending.nextNumber] = self
            return pending.nextNumber
        }
        attempt(number, after: .zero, on: (try? .shared(for: .removals)) ?? reactor)
    }

    private func attempt(_ number: UInt64, after delay: Duration, on reactor: Reactor) {
        _ = reactor.alarm(at: .now + delay) {
            guard !perform() else {
                Self.pending.withLock { _ = $0.removals.removeValue(forKey: number) }
                return
            }
            attempt(number, after: min(max(delay * 2, Self.shortestDelay), Self.longestDelay), on: reactor)
        }
    }

    private static func drain() {
        guard owner.load(ordering: .relaxed) == getpid() else { return }
        let deadline = ContinuousClock.now + patienceAtExit
        for removal in pending.withLock({ $0.removals.values.map { $0 } }) {
            // Each attempt takes a lock of the kernel's that readers of cgroups hold; one that is not empty is not worth it.
            while removal.isEmpty, ContinuousClock.now < deadline, !removal.perform() { usleep(500) }
        }
    }
}
