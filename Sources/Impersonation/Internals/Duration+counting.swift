extension Duration {
    /// Whole milliseconds, rounded up; of a time that they cannot count to, the most that they can.
    var milliseconds: Int64 {
        let countable = Int64.max / 1_000
        guard components.seconds < countable else { return countable * 1_000 }
        guard components.seconds > -countable else { return -countable * 1_000 }
        let (whole, part) = (components.seconds * 1_000, components.attoseconds)
        return whole + part / 1_000_000_000_000_000 + (part % 1_000_000_000_000_000 > 0 ? 1 : 0)
    }

    /// A century at most, and nothing at least: clocks cannot count to every time there is, nor to what is added to one.
    var reasonable: Duration { max(.zero, min(self, .seconds(100 * 365 * 86_400))) }
}
