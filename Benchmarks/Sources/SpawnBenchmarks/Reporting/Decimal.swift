/// Numbers for tables.
enum Decimal {
    /// A number with a fixed count of digits after the point, and thousands set apart by commas.
    static func text(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return "\(value)" }
        let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
        let scaled = Int((value.magnitude * Double(scale)).rounded())
        var whole = String(scaled / scale)
        var grouped = ""
        while whole.count > 3 {
            grouped = ",\(whole.suffix(3))\(grouped)"
            whole.removeLast(3)
        }
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)\(grouped)" }
        let fraction = String(scaled % scale)
        let zeros = String(repeating: "0", count: digits - fraction.count)
        return "\(sign)\(whole)\(grouped).\(zeros)\(fraction)"
    }
}
