/// One of the two times of a row: how long it takes, in microseconds, and how that compares.
struct TimeSummary: Codable, Hashable, Sendable {
    let minimum: Double
    let median: Double
    let percentile99: Double

    /// Compared with the reference, in the same daemon and with the same program.
    let toReference: PairedRatio

    /// Compared with the same row in the small daemon; `nil` for the small daemon itself.
    let toSmallDaemon: PairedRatio?

    /// Sums a time up, or returns `nil` when there is nothing to sum up.
    init?(
        _ series: Series,
        reference: Series,
        small: Series?,
        _ quantity: KeyPath<SpawnTiming, UInt64>
    ) {
        let values = series.microseconds(quantity)
        guard let minimum = values.min(),
            let median = Statistics.median(values),
            let percentile99 = Statistics.quantile(0.99, of: values),
            let toReference = PairedRatio(series, to: reference, quantity)
        else { return nil }
        self.minimum = minimum
        self.median = median
        self.percentile99 = percentile99
        self.toReference = toReference
        toSmallDaemon = small.flatMap { PairedRatio(series, to: $0, quantity) }
    }
}
