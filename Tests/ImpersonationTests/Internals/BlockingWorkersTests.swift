import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Impersonation

@Suite("Blocking workers", .timeLimit(.minutes(1)))
struct BlockingWorkersTests {
    @Test("hand the result of the work back")
    func result() async throws {
        let workers = BlockingWorkers(name: "test", maximumThreads: 2)
        #expect(try await workers.perform(deadline: .seconds(30)) { 42 } == 42)
        #expect(try await workers.perform(deadline: nil) { "without a deadline" } == "without a deadline")
    }

    @Test("do the work on a named thread of their own with every signal blocked")
    func thread() async throws {
        let workers = BlockingWorkers(name: "test-worker", maximumThreads: 1)
        let (unblocked, name) = try await workers.perform(deadline: .seconds(30)) { () -> ([CInt], String) in
            var mask = sigset_t()
            unsafe pthread_sigmask(SIG_SETMASK, nil, &mask)
            let blockable = (CInt(1)...31).filter { $0 != SIGKILL && $0 != SIGSTOP }
            return (blockable.filter { unsafe sigismember(&mask, $0) == 0 }, Self.threadName())
        }
        #expect(unblocked.isEmpty)
        #expect(name == "test-worker")
    }

    @Test("start no thread before there is work, and never more than permitted")
    func threadsAreBounded() async throws {
        let workers = BlockingWorkers(name: "test", maximumThreads: 3)
        #expect(workers.threads.existing == 0)
        let tally = Tally()
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<5_000 {
                group.addTask {
                    try await workers.perform(deadline: .seconds(30)) {
                        tally.count { number }
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 5_000 * 4_999 / 2)
        #expect(tally.most <= 3)
        #expect(workers.threads.existing <= 3)
        #expect(workers.threads.stuck == 0)
    }

    @Test("let the caller go at its deadline while the work is stuck, and drop its late result")
    func deadline() async throws {
        let workers = BlockingWorkers(name: "test", maximumThreads: 2)
        // A thread that has begun: whose work nobody has come to, is told so (saturated).
        #expect(try await workers.perform(deadline: .seconds(30)) { 0 } == 0)
        let gate = Gate()
        let done = Gate()
        defer { gate.open() }
        let clock = ContinuousClock()
        let start = clock.now
        await #expect(throws: BlockingWorkersError.deadlineExceeded) {
            try await workers.perform(deadline: .milliseconds(500)) {
                gate.wait()
                done.open()
            }
        }
        let waited = clock.now - start
        #expect(waited >= .milliseconds(500))
        #expect(workers.threads.stuck == 1)
        #expect(try await workers.perform(deadline: .seconds(30)) { 1 } == 1, "the other thread works on")

        gate.open()
        await done.isOpened()
        try await until { workers.threads.stuck == 0 }
    }

    @Test("refuse at once while every thread is stuck, and work again when one comes back")
    func saturation() async throws {
        let started = Witness()
        let workers = BlockingWorkers(name: "test", maximumThreads: 2)
        let gate = Gate()
        defer { gate.open() }
        // Long enough for both to be started on a busy machine.
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    await #expect(throws: BlockingWorkersError.deadlineExceeded) {
                        try await workers.perform(deadline: .seconds(2)) { gate.wait() }
                    }
                }
            }
        }
        #expect(workers.threads.stuck == 2)
        await #expect(throws: BlockingWorkersError.saturated) {
            try await workers.perform(deadline: .seconds(30)) { started.note() }
        }
        await #expect(throws: BlockingWorkersError.saturated) {
            try await workers.perform(deadline: nil) { started.note() }
        }

        gate.open()
        try await until { workers.threads.stuck == 0 }
        #expect(try await workers.perform(deadline: .seconds(30)) { 2 } == 2)
        #expect(!started.hasSeen)
    }

    @Test("tell a caller whose work was never started so, at its deadline")
    func queuedPastItsDeadline() async throws {
        let started = Witness()
        let workers = BlockingWorkers(name: "test", maximumThreads: 1)
        let gate = Gate()
        let isBusy = Gate()
        let busy = Task {
            try await workers.perform(deadline: .seconds(30)) {
                isBusy.open()
                gate.wait()
                return "first"
            }
        }
        await isBusy.isOpened()
        await #expect(throws: BlockingWorkersError.saturated) {
            try await workers.perform(deadline: .milliseconds(20)) { started.note() }
        }
        #expect(workers.threads.stuck == 0)
        gate.open()
        #expect(try await busy.value == "first")
        #expect(try await workers.perform(deadline: .seconds(30)) { "next" } == "next")
        #expect(!started.hasSeen)
    }

    @Test("give up what waits in the queue when the last thread gets stuck")
    func queuedBehindStuckWork() async throws {
        let started = Witness()
        let workers = BlockingWorkers(name: "test", maximumThreads: 1)
        let gate = Gate()
        let isBusy = Gate()
        defer { gate.open() }
        let stuck = Task {
            try await workers.perform(deadline: .milliseconds(200)) {
                isBusy.open()
                gate.wait()
            }
        }
        await isBusy.isOpened()
        await #expect(throws: BlockingWorkersError.saturated) {
            try await workers.perform(deadline: nil) { started.note() }
        }
        await #expect(throws: BlockingWorkersError.deadlineExceeded) { try await stuck.value }
        #expect(!started.hasSeen)
    }

    @Test("let a cancelled caller go at once, and never start what it had queued")
    func cancellation() async throws {
        let started = Witness()
        let workers = BlockingWorkers(name: "test", maximumThreads: 1)
        let gate = Gate()
        let isBusy = Gate()
        defer { gate.open() }
        let running = Task {
            try await workers.perform(deadline: nil) {
                isBusy.open()
                gate.wait()
            }
        }
        await isBusy.isOpened()
        let queued = Task {
            try await workers.perform(deadline: nil) { started.note() }
        }
        try await until { workers.queued == 1 }
        queued.cancel()
        await #expect(throws: BlockingWorkersError.cancelled) { try await queued.value }
        running.cancel()
        await #expect(throws: BlockingWorkersError.cancelled) { try await running.value }
        #expect(workers.threads.stuck == 0, "slow is not stuck without a deadline")
        gate.open()
        #expect(try await workers.perform(deadline: .seconds(30)) { 3 } == 3)
        #expect(!started.hasSeen)
    }

    @Test("end their threads after a while without work, and start new ones when there is some")
    func idleThreadsEnd() async throws {
        let workers = BlockingWorkers(name: "test", maximumThreads: 4, idleTime: .milliseconds(5))
        for round in 0..<3 {
            #expect(try await workers.perform(deadline: .milliseconds(30_000)) { round } == round)
            try await until { workers.threads.existing == 0 }
        }
    }

    @Test("serve an earlier deadline that comes later")
    func deadlinesInAnyOrder() async throws {
        let workers = BlockingWorkers(name: "test", maximumThreads: 2)
        let gate = Gate()
        let isBusy = Gate()
        defer { gate.open() }
        let late = Task {
            try await workers.perform(deadline: .seconds(50)) {
                isBusy.open()
                gate.wait()
                return "late"
            }
        }
        await isBusy.isOpened()
        await #expect(throws: BlockingWorkersError.deadlineExceeded) {
            try await workers.perform(deadline: .seconds(1)) { gate.wait() }
        }
        gate.open()
        #expect(try await late.value == "late")
    }

    private func until(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }

    private static func threadName() -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = unsafe try? FileDescriptor.open("/proc/thread-self/comm", .readOnly).closeAfterReading(&bytes)
        return String(decoding: bytes.prefix(max(0, (count ?? 0) - 1)), as: UTF8.self)
    }
}

/// Whether something happened on a thread that is no test's.
private final class Witness: Sendable {
    private let seen = Mutex(false)

    var hasSeen: Bool { seen.withLock { $0 } }

    func note() {
        seen.withLock { $0 = true }
    }
}

/// Counts how much of something happens at the same time.
private final class Tally: Sendable {
    private let counts = Mutex((now: 0, most: 0))

    var most: Int { counts.withLock { $0.most } }

    func count<Value>(_ body: () -> Value) -> Value {
        counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        defer { counts.withLock { $0.now -= 1 } }
        return body()
    }
}

extension FileDescriptor {
    fileprivate func closeAfterReading(_ bytes: inout [UInt8]) throws -> Int {
        defer { try? close() }
        return unsafe try bytes.withUnsafeMutableBytes { unsafe try read(into: $0) }
    }
}
