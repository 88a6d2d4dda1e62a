/// A text from outside, made fit for one line of a message: at most `limit` characters, and everything that moves a
/// cursor, hides text or turns its direction written as `\u{…}`.
func printable(_ text: String, limit: Int = 256) -> String {
    var result = ""
    for (count, scalar) in text.unicodeScalars.enumerated() {
        guard count < limit else { return result + "..." }
        if scalar.isVisibleOrSpace {
            result.unicodeScalars.append(scalar)
        } else {
            result += "\\u{\(String(scalar.value, radix: 16))}"
        }
    }
    return result
}

extension Unicode.Scalar {
    /// Whether a person sees the character, or it is the ordinary space.
    var isVisibleOrSpace: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        case .spaceSeparator: self == " "
        default: true
        }
    }
}
