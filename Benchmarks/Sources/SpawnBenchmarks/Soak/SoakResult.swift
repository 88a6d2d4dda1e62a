/// What was seen in a soak.
struct SoakResult: Sendable {
    /// How many launches there were.
    let launches: Int

    /// How long a launch may take.
    let bound: Duration

    /// How long all of them took.
    var seconds = 0.0

    /// How many threads have come and gone meanwhile.
    var threads: UInt64 = 0

    /// What was not as it has to be.
    var broken: [String] = []

    private var timings: [SpawnTiming] = []
    private var wrong = 0

    /// How many of one kind are told; the rest is counted.
    private static let told = 5

    init(launches: Int, bound: Duration) {
        self.launches = launches
        self.bound = bound
    }

    /// Keeps what became of a launch.
    ///
    /// - Parameters:
    ///   - outcome: What became of it.
    ///   - counts: Whether its times are kept; it has to be right in any case.
    mutating func add(_ outcome: SoakOutcome, counts: Bool) {
        switch outcome {
        case .right(let timing):
            guard counts else { return }
            timings.append(timing)
            guard .nanoseconds(timing.returned) > bound else { return }
            broken.append("a launch took \(Decimal.text(Double(timing.returned) / 1e6, 0)) ms, more than \(bound)")
        case .wrong(let reason):
            wrong += 1
            if wrong <= Self.told { broken.append(reason) }
            if wrong == Self.told + 1 { broken.append("and more of that kind") }
        }
    }

    /// A paragraph for the person who runs it.
    func text(of name: String) -> String {
        let returned = timings.map { Double($0.returned) / 1e6 }
        let reaped = timings.map { Double($0.reaped) / 1e6 }
        return """
            \(name): \(Decimal.text(Double(timings.count), 0)) of \(Decimal.text(Double(launches), 0)) statuses right in \
            \(Decimal.text(seconds, 1)) s (\(Decimal.text(Double(launches) / seconds, 0)) a second), beside \
            \(Decimal.text(Double(threads), 0)) other threads
              launched: \(Self.times(returned))
              ended:    \(Self.times(reaped))
              \(broken.isEmpty ? "no zombie, no child, no descriptor, no process left" : "NOT AS IT HAS TO BE, see below")
            """
    }

    private static func times(_ milliseconds: [Double]) -> String {
        [("median", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("maximum", 1)]
            .map { name, share in
                "\(name) \(Statistics.quantile(share, of: milliseconds).map { Decimal.text($0, 2) } ?? "-") ms"
            }
            .joined(separator: ", ")
    }
}
