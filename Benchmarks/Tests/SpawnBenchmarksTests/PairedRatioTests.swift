import Testing

@testable import spawn_benchmarks

@Suite("Ratios paired by round")
struct PairedRatioTests {
    private func series(_ rounds: [Int: [UInt64]]) -> Series {
        var series = Series()
        for (round, times) in rounds {
            series.add(times.map { SpawnTiming(begin: 0, returned: $0 / 2, reaped: $0) }, round: round)
        }
        return series
    }

    @Test func `a slow minute of the machine does not change a ratio`() throws {
        let reference = series([0: [100, 100], 1: [900, 900], 2: [110, 110]])
        let row = series([0: [200, 200], 1: [1_800, 1_800], 2: [220, 220]])
        let ratio = try #require(PairedRatio(row, to: reference, \.reaped))
        #expect(ratio.median == 2)
        #expect(ratio.lowerDecile == 2)
        #expect(ratio.upperDecile == 2)
    }

    @Test func `one slow launch in a round does not change the round's median`() throws {
        let ratio = try #require(
            PairedRatio(series([0: [300, 300, 90_000]]), to: series([0: [100, 100, 100]]), \.reaped)
        )
        #expect(ratio.median == 3)
    }

    @Test func `rounds that only one of the two took part in do not count`() throws {
        let ratio = try #require(
            PairedRatio(series([0: [300], 1: [5_000]]), to: series([0: [100], 2: [1]]), \.reaped)
        )
        #expect(ratio.median == 3)
    }

    @Test func `without a common round there is no ratio`() {
        #expect(PairedRatio(series([0: [300]]), to: series([1: [100]]), \.reaped) == nil)
    }

    @Test func `the two times are compared apart`() throws {
        let row = series([0: [300]])
        var reference = Series()
        reference.add([SpawnTiming(begin: 0, returned: 150, reaped: 100)], round: 0)
        #expect(try #require(PairedRatio(row, to: reference, \.returned)).median == 1)
        #expect(try #require(PairedRatio(row, to: reference, \.reaped)).median == 3)
    }
}
