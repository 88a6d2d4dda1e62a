extension String {
    /// The text with everything escaped that could steer a terminal or break a line of a log or table.
    ///
    /// - Parameter limit: How many characters are kept.
    /// - Returns: A text that stays on its line.
    public func printable(limit: Int = 200) -> String {
        var result = ""
        for scalar in unicodeScalars.prefix(limit) {
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.count > limit ? result + "[...]" : result
    }
}
