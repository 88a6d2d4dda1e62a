/// Splits one line of a policy file into its key and its values.
///
/// A value is a word, or text between double quotes. In quotes, `\\` is a backslash and `\"` is a quote; any other
/// backslash is an error, and so is one outside of quotes. So `"MYCORP\\alice"` is the only spelling of that account:
/// neither `MYCORP\alice` nor `"MYCORP\alice"` silently becomes something else.
struct PolicyLineReader {
    /// What is wrong with a line.
    struct Problem: Error, Equatable {
        let text: String
        let remedy: String
    }

    /// A setting.
    struct Setting: Equatable {
        let key: String
        let values: [PolicyWord]
    }

    private let scalars: [Unicode.Scalar]
    private var position = 0

    private init(_ line: String) {
        scalars = Array(line.unicodeScalars)
    }

    /// Reads a line.
    ///
    /// - Parameter line: The line without its end and without control characters.
    /// - Returns: The setting, or `nil` for a blank line or a comment.
    /// - Throws: ``Problem``.
    static func read(_ line: String) throws(Problem) -> Setting? {
        var reader = PolicyLineReader(line)
        return try reader.setting()
    }

    private var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func skipBlanks() {
        while current == " " || current == "\t" { position += 1 }
    }

    private mutating func setting() throws(Problem) -> Setting? {
        skipBlanks()
        guard let first = current, first != "#" else { return nil }
        let key = word { $0.isKeyPart }
        guard !key.isEmpty else {
            throw Problem(text: "a line begins with \(Self.shown(first))", remedy: "write `key = value`")
        }
        skipBlanks()
        guard current == "=" else {
            throw Problem(text: "there is no '=' behind \(key.quoted)", remedy: "write `\(key.onOneLine) = value`")
        }
        position += 1
        var values: [PolicyWord] = []
        while let value = try value() { values.append(value) }
        guard !values.isEmpty else {
            throw Problem(text: "\(key.quoted) has no value", remedy: "give it one, or leave the line out")
        }
        return Setting(key: key, values: values)
    }

    private mutating func value() throws(Problem) -> PolicyWord? {
        let begin = position
        skipBlanks()
        guard let first = current, !(first == "#" && position > begin) else { return nil }
        if first == "\"" { return try quoted() }
        let text = word { $0.isWordPart }
        guard let next = current, !next.isBlank else { return PolicyWord(text: text, isQuoted: false) }
        switch next {
        case "\\":
            throw Problem(
                text: "a backslash stands outside of quotes",
                remedy: #"write the name in quotes with two backslashes: "MYCORP\\alice""#
            )
        case ",":
            throw Problem(text: "values are separated by a comma", remedy: "separate them by blanks")
        case "\"":
            throw Problem(text: "a quote stands within a value", remedy: "put quotes around the whole value")
        case "#":
            throw Problem(
                text: "'#' stands within a value",
                remedy: "put a blank before a comment, or quotes around the value"
            )
        default:
            throw Problem(text: "\(Self.shown(next)) stands within a value", remedy: "put quotes around the value")
        }
    }

    private mutating func quoted() throws(Problem) -> PolicyWord {
        position += 1
        var text = ""
        while let scalar = current, scalar != "\"" {
            position += 1
            guard scalar == "\\" else {
                text.unicodeScalars.append(scalar)
                continue
            }
            guard let escaped = current, escaped == "\\" || escaped == "\"" else {
                throw Problem(
                    text: "a single backslash stands between quotes",
                    remedy: #"write two for one: "MYCORP\\alice""#
                )
            }
            text.unicodeScalars.append(escaped)
            position += 1
        }
        guard current == "\"" else {
            throw Problem(text: "a quote is not closed on its line", remedy: "close it")
        }
        position += 1
        guard !text.isEmpty else { throw Problem(text: "a value is empty", remedy: "remove the two quotes") }
        if let next = current, !next.isBlank {
            throw Problem(
                text: "\(Self.shown(next)) follows a closing quote",
                remedy: "separate values and comments by blanks"
            )
        }
        return PolicyWord(text: text, isQuoted: true)
    }

    private mutating func word(while belongs: (Unicode.Scalar) -> Bool) -> String {
        var text = ""
        while let scalar = current, belongs(scalar) {
            text.unicodeScalars.append(scalar)
            position += 1
        }
        return text
    }

    private static func shown(_ scalar: Unicode.Scalar) -> String {
        scalar.isSeen ? "'\(String(scalar))'" : "U+\(String(scalar.value, radix: 16, uppercase: true))"
    }
}

extension Unicode.Scalar {
    fileprivate var isBlank: Bool { self == " " || self == "\t" }

    fileprivate var isASCIILetterOrDigit: Bool {
        ("a"..."z").contains(self) || ("A"..."Z").contains(self) || ("0"..."9").contains(self)
    }

    fileprivate var isKeyPart: Bool { isASCIILetterOrDigit || self == "-" || self == "_" }

    /// What a value needs no quotes for: the letters of ordinary names, numbers and paths.
    fileprivate var isWordPart: Bool {
        isASCIILetterOrDigit || ["-", "_", ".", "@", "$", "/", "+", "*", ":"].contains(self)
    }
}
