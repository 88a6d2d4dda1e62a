import Dispatch
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage
import Testing

@testable import Impersonation

@Suite("A stream at the end of its job")
struct StreamEndTests {
    /// Runs a task where and when it is told to.
    private final class HeldExecutor: TaskExecutor {
        private let jobs = Mutex<[UnownedJob]>([])
        private let isOver = Atomic(false)

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            jobs.withLock { $0.append(job) }
        }

        func waitForNext() {
            while jobs.withLock({ $0.isEmpty }) { sched_yield() }
        }

        func runNext() {
            waitForNext()
            let job = jobs.withLock { $0.removeFirst() }
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }

        func runAll() {
            while !isOver.load(ordering: .acquiring) {
                if jobs.withLock({ $0.isEmpty }) { sched_yield() } else { runNext() }
            }
        }

        func end() { isOver.store(true, ordering: .releasing) }
    }

    /// Who came to the descriptor, as `/proc` names them.
    private final class Threads: Sendable {
        let ending = Mutex("")
        let reading = Mutex("")
    }

    /// The thread that asks, as `/proc` names it.
    private static var thread: String {
        var target = [CChar](repeating: 0, count: 64)
        let count = unsafe readlink("/proc/thread-self", &target, target.count)
        return String(decoding: target.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether a thread waits for a `Mutex`, which is handed on to whoever has waited longest.
    private static func isInLock(_ thread: String) -> Bool {
        guard !thread.isEmpty else { return false }
        let words = (try? ProcFile.read(FilePath("/proc/\(thread)/syscall")))?.split(separator: " ") ?? []
        #if arch(arm64)
        let futex = "98"
        #else
        let futex = "202"
        #endif
        // FUTEX_LOCK_PI, FUTEX_LOCK_PI2, of this process alone or not.
        return words.count > 2 && words[0] == futex && ["0x6", "0x86", "0xd", "0x8d"].contains(words[2])
    }

    @Test("is read in the order it was written, whoever reads while what is left is kept")
    func order() async throws {
        let (channel, job) = try StreamChannel.socket(jobWrites: true, of: 0)
        let sent = (0..<3 * StreamEnd.chunk / 2).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let end = StreamEnd(channel, on: try Reactor.shared(for: .streams))
        let executor = HeldExecutor()
        let threads = Threads()
        let task = Task(executorPreference: executor) {
            var received: [UInt8] = []
            while let bytes = try await end.read() { received += bytes }
            return received
        }
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "holder")
                .async {
                    // Whoever reads waits for the first byte, and is about to take it.
                    executor.runNext()
                    let count = unsafe sent.withUnsafeBytes { unsafe write(job.rawValue, $0.baseAddress, $0.count) }
                    #expect(count == sent.count)
                    job.closeNow()
                    executor.waitForNext()
                    // Both come to the descriptor while this has it, the end of the job first.
                    channel.descriptor.withOpen { _ in
                        DispatchQueue(label: "end")
                            .async {
                                threads.ending.withLock { $0 = Self.thread }
                                end.endWithJob()
                            }
                        while !Self.isInLock(threads.ending.withLock { $0 }) { sched_yield() }
                        DispatchQueue(label: "reader")
                            .async {
                                threads.reading.withLock { $0 = Self.thread }
                                executor.runAll()
                            }
                        while !Self.isInLock(threads.reading.withLock { $0 }) { sched_yield() }
                    }
                    continuation.resume()
                }
        }
        let received = try await task.value
        executor.end()
        #expect(received.count == sent.count)
        #expect(received == sent)
    }
}
