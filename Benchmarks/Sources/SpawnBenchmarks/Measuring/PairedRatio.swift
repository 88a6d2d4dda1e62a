/// How many times longer one series takes than another, judged round by round.
///
/// A machine is faster in some minutes than in others. Medians over a whole run mix those minutes; the two medians of one
/// round were taken within the same half second.
struct PairedRatio: Codable, Hashable, Sendable {
    /// The middle of the rounds' ratios.
    let median: Double

    /// The ratio that a tenth of the rounds are below.
    let lowerDecile: Double

    /// The ratio that a tenth of the rounds are above.
    let upperDecile: Double

    /// Compares two series over the rounds that both took part in, or returns `nil` when there is none.
    ///
    /// - Parameters:
    ///   - series: What is compared.
    ///   - reference: What it is compared with.
    ///   - quantity: Which of the two times.
    init?(_ series: Series, to reference: Series, _ quantity: KeyPath<SpawnTiming, UInt64>) {
        let ratios = series.rounds.compactMap { round, timings -> Double? in
            guard let own = Statistics.median(timings.map { Double($0[keyPath: quantity]) }),
                let other = reference.rounds[round]
                    .flatMap({ reference in
                        Statistics.median(reference.map { Double($0[keyPath: quantity]) })
                    }),
                other > 0
            else { return nil }
            return own / other
        }
        guard let median = Statistics.median(ratios),
            let lower = Statistics.quantile(0.1, of: ratios),
            let upper = Statistics.quantile(0.9, of: ratios)
        else { return nil }
        self.median = median
        lowerDecile = lower
        upperDecile = upper
    }
}
