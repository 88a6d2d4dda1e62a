import Testing

@testable import spawn_benchmarks

@Suite("Order statistics")
struct StatisticsTests {
    @Test(
        "A quantile lies between its neighbours",
        arguments: [
            (share: 0.0, expected: 1.0), (share: 0.25, expected: 1.75), (share: 0.5, expected: 2.5),
            (share: 1.0, expected: 4.0),
        ]
    )
    func quantile(share: Double, expected: Double) {
        #expect(Statistics.quantile(share, of: [4, 1, 3, 2]) == expected)
    }

    @Test func `nothing has no median`() {
        #expect(Statistics.median([]) == nil)
    }

    @Test func `one value is every quantile`() {
        #expect(Statistics.quantile(0.99, of: [7]) == 7)
    }
}
