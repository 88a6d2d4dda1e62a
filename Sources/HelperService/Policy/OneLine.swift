extension String {
    /// The text for a message on one line: what a terminal or a log would obey, and what is not seen, is written as
    /// `\u{...}`, and after 256 characters the rest is left out.
    var onOneLine: String { onOneLine(upTo: 256) }

    /// The same for another number of characters.
    func onOneLine(upTo longest: Int) -> String {
        var result = ""
        for (count, scalar) in unicodeScalars.enumerated() {
            guard count < longest else { return result + "..." }
            if scalar.isSeen {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return result
    }

    /// The text between double quotes, for a message.
    var quoted: String { "\"\(onOneLine)\"" }
}

extension Unicode.Scalar {
    /// Whether a person sees the character, or it is the ordinary blank.
    var isSeen: Bool {
        if isASCII { return (0x20...0x7E).contains(value) }
        return switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        case .spaceSeparator: self == " "
        default: true
        }
    }
}
