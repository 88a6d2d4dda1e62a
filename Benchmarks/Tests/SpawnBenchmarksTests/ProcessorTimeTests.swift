import Testing

@testable import spawn_benchmarks

@Suite("How busy the machine is")
struct ProcessorTimeTests {
    private func reading(user: Int, idle: Int, waiting: Int = 0, steal: Int = 0) throws -> ProcessorTime {
        try ProcessorTime(
            statistics: "cpu  \(user) 0 0 \(idle) \(waiting) 0 0 \(steal) 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
        )
    }

    @Test func `the busy share is what was neither idle nor waiting for a disk`() throws {
        let before = try reading(user: 100, idle: 1_000)
        let after = try reading(user: 105, idle: 1_010, waiting: 5)
        #expect(after.busyShare(since: before) == 0.25)
    }

    @Test func `what the host takes away is not idle`() throws {
        let before = try reading(user: 0, idle: 0)
        let after = try reading(user: 0, idle: 15, steal: 5)
        #expect(after.busyShare(since: before) == 0.25)
    }

    @Test func `no time passed is not busy`() throws {
        let reading = try reading(user: 1, idle: 1)
        #expect(reading.busyShare(since: reading) == 0)
    }

    @Test("A text that is not that of the kernel is refused", arguments: ["", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8"])
    func refusal(text: String) {
        #expect(throws: BenchmarkError.self) { try ProcessorTime(statistics: text) }
    }
}
