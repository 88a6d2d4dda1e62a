extension String {
    /// The text for a message on one line: what is not printable is written as `\u{...}`, and an overlong text is cut.
    ///
    /// Printable are the graphic characters of ASCII, the blank, and letters of other alphabets that do not pass for
    /// something else. Control characters, invisible and direction-changing ones never reach a terminal or a log.
    ///
    /// - Parameter limit: After how many Unicode scalars the text is cut.
    /// - Returns: The text, on one line.
    func printable(limit: Int = 80) -> String {
        var result = ""
        for scalar in unicodeScalars.prefix(limit) {
            if (0x20...0x7E).contains(scalar.value) || scalar.isUnambiguousLetter {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        if unicodeScalars.dropFirst(limit).first != nil { result += "..." }
        return result
    }
}

extension Unicode.Scalar {
    /// The scalar as the Unicode standard spells it: `U+202E`.
    var notation: String {
        let digits = String(value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    var isASCIILetter: Bool {
        (0x41...0x5A).contains(value) || (0x61...0x7A).contains(value)
    }

    var isASCIIDigit: Bool { (0x30...0x39).contains(value) }

    /// Whether this is a letter that normalisation leaves as it is, so that it does not turn into another one later.
    ///
    /// Fullwidth and mathematical letters, ligatures, signs with a decomposition (the Kelvin sign), the invisible
    /// fillers among the letters and conjoining jamo are not: each of them becomes something else under NFC, NFKC or
    /// case folding, or is not seen. Combining marks are not letters; with them and the rest excluded, a text of
    /// unambiguous letters is in normalisation form C.
    var isUnambiguousLetter: Bool {
        if isASCII { return isASCIILetter }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .otherLetter, .modifierLetter: break
        default: return false
        }
        guard !Self.disguises.contains(where: { $0.contains(value) }) else { return false }
        if !properties.changesWhenNFKCCaseFolded { return true }
        let lowercase = properties.lowercaseMapping.unicodeScalars
        guard lowercase.count == 1, let lower = lowercase.first, lower != self else { return false }
        return !lower.properties.changesWhenNFKCCaseFolded
            && lower.properties.uppercaseMapping.unicodeScalars.elementsEqual(CollectionOfOne(self))
    }

    /// Whether this letter belongs to the Latin alphabet.
    var isLatin: Bool {
        isASCIILetter || (0xC0...0x24F).contains(value) || (0x1E00...0x1EFF).contains(value)
    }

    /// Letters by category that look like punctuation (clicks, modifier apostrophes), or that compose (jamo).
    private static let disguises: [ClosedRange<UInt32>] = [
        0x1C0...0x1C3, 0x2B0...0x2FF, 0x1100...0x11FF, 0xA960...0xA97F, 0xD7B0...0xD7FF,
    ]
}
