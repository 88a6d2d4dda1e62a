import ArgumentParser

/// A time as the command line spells it: `2s`, `1.5m`, `12h`.
struct TimeLimit: ExpressibleByArgument {
    /// The time.
    let duration: Duration

    init?(argument: String) {
        let secondsPerUnit: [Character: Double] = ["s": 1, "m": 60, "h": 3_600]
        let digits = argument.dropLast()
        guard let unit = argument.last, let seconds = secondsPerUnit[unit],
            digits.first?.isNumber == true, digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
            let number = Double(digits), number > 0, number * seconds <= 1e9
        else { return nil }
        duration = .seconds(number * seconds)
    }

    static let defaultValueDescription = "none"
}
