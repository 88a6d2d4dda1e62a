/// Everything that was measured of one row in one daemon with one program.
struct Series: Sendable {
    /// The timings by the number of the round.
    private(set) var rounds: [Int: [SpawnTiming]] = [:]

    /// Why the row has ended early, if it has.
    var note: String?

    /// Whether the row did not come back.
    var isHung = false

    /// Keeps the timings of a round.
    mutating func add(_ timings: [SpawnTiming], round: Int) {
        rounds[round, default: []] += timings
    }

    /// Every timing in microseconds.
    func microseconds(_ quantity: KeyPath<SpawnTiming, UInt64>) -> [Double] {
        rounds.values.flatMap { timings in timings.map { Double($0[keyPath: quantity]) / 1_000 } }
    }
}
