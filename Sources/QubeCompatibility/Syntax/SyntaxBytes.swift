/// The characters the syntax gives a meaning to. All of them are ASCII, so bytes of UTF-8 can be compared one by one.
extension UInt8 {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let doubleQuote = UInt8(ascii: "\"")
    static let singleQuote = UInt8(ascii: "'")
    static let backslash = UInt8(ascii: "\\")
    static let numberSign = UInt8(ascii: "#")
    static let dollarSign = UInt8(ascii: "$")
    static let equals = UInt8(ascii: "=")
    static let slash = UInt8(ascii: "/")
    static let hyphen = UInt8(ascii: "-")
    static let colon = UInt8(ascii: ":")
    static let openBracket = UInt8(ascii: "[")
    static let closeBracket = UInt8(ascii: "]")
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")

    /// A space or a tab.
    var isBlank: Bool { self == UInt8(ascii: " ") || self == .tab }

    /// A character that keys consist of.
    var isKeyCharacter: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default:
            false
        }
    }
}

/// What one line within braces turned out to be.
enum BlockLine {
    /// The braces stay open; the text is without its comment.
    case openEnded(ArraySlice<UInt8>)

    /// The braces close; the text before and after the closing brace.
    case closed(ArraySlice<UInt8>, rest: ArraySlice<UInt8>)

    /// A double quote has no partner on the line.
    case unterminatedQuote
}

extension ArraySlice<UInt8> {
    /// The slice as text.
    var text: String { String(decoding: self, as: UTF8.self) }

    /// The slice without blanks at both ends.
    var trimmed: ArraySlice<UInt8> {
        guard let first = firstIndex(where: { !$0.isBlank }), let last = lastIndex(where: { !$0.isBlank }) else {
            return self[endIndex...]
        }
        return self[first...last]
    }

    /// The slice up to the first number sign, whatever quotes there are.
    var withoutComment: ArraySlice<UInt8> { prefix { $0 != .numberSign } }

    /// The index after the double quote that closes the one at `start`, or `nil` when none does.
    func endOfQuotes(from start: Int) -> Int? {
        var index = start + 1
        while index < endIndex {
            switch self[index] {
            case .backslash: index += 2
            case .doubleQuote: return index + 1
            default: index += 1
            }
        }
        return nil
    }

    /// Where a value that is not quoted as a whole ends: at a comment or the end of the line, or `nil` when a double
    /// quote within it has no partner.
    var endOfBareText: Int? {
        var index = startIndex
        while index < endIndex {
            switch self[index] {
            case .numberSign: return index
            case .doubleQuote:
                guard let next = endOfQuotes(from: index) else { return nil }
                index = next
            default: index += 1
            }
        }
        return endIndex
    }

    /// Looks for the brace that closes a block.
    func scanBlockLine() -> BlockLine {
        var index = startIndex
        while index < endIndex {
            switch self[index] {
            case .numberSign:
                return .openEnded(self[..<index])
            case .closeBrace:
                return .closed(self[..<index], rest: self[(index + 1)...])
            case .doubleQuote:
                guard let next = endOfQuotes(from: index) else { return .unterminatedQuote }
                index = next
            case .dollarSign where index + 1 < endIndex && self[index + 1] == .openBrace:
                guard let end = self[index...].firstIndex(of: .closeBrace) else { return .openEnded(self) }
                index = end + 1
            default:
                index += 1
            }
        }
        return .openEnded(self)
    }
}
