import Glibc
import Testing

@testable import spawn_benchmarks

@Suite("Waiting for work that may never end")
struct WatchdogTests {
    @Test func `work that ends gives its value`() async {
        let outcome = await Watchdog.run(limit: .seconds(60)) { 7 }
        guard case .ended(.success(7)) = outcome else {
            Issue.record("the outcome is \(outcome)")
            return
        }
    }

    @Test func `work that fails gives its error`() async {
        let outcome = await Watchdog.run(limit: .seconds(60)) { () throws -> Int in throw BenchmarkError("no") }
        guard case .ended(.failure(let error)) = outcome else {
            Issue.record("the outcome is \(outcome)")
            return
        }
        #expect("\(error)" == "no")
    }

    @Test func `work that does not end is given up, and may end later`() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
        let outcome = await Watchdog.run(limit: .milliseconds(10)) {
            for await value in stream { return value }
            return 0
        }
        guard case .hung = outcome else {
            Issue.record("the outcome is \(outcome)")
            return
        }
        continuation.yield(1)
        continuation.finish()
    }

    @Test func `a pool that stands still ends the process, whether the work had begun or not`() async {
        await #expect(processExitsWith: .exitCode(Watchdog.standstill)) {
            // More than the pool has threads; the one that this runs on comes free where it waits.
            for _ in 0..<1_024 { Task.detached { while true { pause() } } }
            _ = await Watchdog.run(limit: .milliseconds(10), poolLimit: .milliseconds(200)) { 7 }
        }
    }

    @Test func `a pool that goes on late does not`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let outcome = await Watchdog.run(limit: .milliseconds(10), poolLimit: .seconds(3_600)) {
                while true { try await Task.sleep(for: .seconds(3_600)) }
            }
            if case .hung = outcome { exit(7) }
        }
    }
}
