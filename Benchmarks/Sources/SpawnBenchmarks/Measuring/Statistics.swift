/// Order statistics.
enum Statistics {
    /// The value below which a share of the values lies, between neighbours by linear interpolation.
    ///
    /// - Parameters:
    ///   - share: From 0 (the least) to 1 (the greatest).
    ///   - values: In any order.
    /// - Returns: The value, or `nil` when there are none.
    static func quantile(_ share: Double, of values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let place = share * Double(sorted.count - 1)
        let below = Int(place)
        guard below + 1 < sorted.count else { return sorted[below] }
        return sorted[below] + (place - Double(below)) * (sorted[below + 1] - sorted[below])
    }

    /// The middle of the values.
    static func median(_ values: [Double]) -> Double? {
        quantile(0.5, of: values)
    }
}
