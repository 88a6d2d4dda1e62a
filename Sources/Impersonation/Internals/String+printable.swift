extension String {
    /// The text with every scalar that a terminal or a log reader could mistake for something else written as `\u` and
    /// four digits.
    ///
    /// Control characters, format characters (among them those that turn the direction of writing), line and
    /// paragraph separators, private and unassigned scalars are escaped; above U+FFFF as a surrogate pair, so that the
    /// result is also what JSON calls an escape. sudo's CVE-2023-28486 and CVE-2023-28487 are what happens without.
    package var escapingUnprintable: String {
        guard unicodeScalars.contains(where: \.isUnprintable) else { return self }
        var result = ""
        result.reserveCapacity(utf8.count + 16)
        for scalar in unicodeScalars {
            guard scalar.isUnprintable else {
                result.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16, uppercase: false)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result
    }

    /// The text, or its beginning and how much of it was left out, when it is longer than a limit.
    ///
    /// - Parameter limit: The largest number of bytes in UTF-8 that is kept.
    /// - Returns: A text that is not much longer than the limit, whatever somebody sent.
    package func shortened(to limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var kept = ""
        var length = 0
        for scalar in unicodeScalars {
            let width = UTF8.width(scalar)
            guard length + width <= limit else { break }
            kept.unicodeScalars.append(scalar)
            length += width
        }
        return "\(kept)[\(utf8.count - length) more bytes]"
    }
}

extension Unicode.Scalar {
    fileprivate var isUnprintable: Bool {
        if value >= 0x20, value < 0x7F { return false }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }
}
