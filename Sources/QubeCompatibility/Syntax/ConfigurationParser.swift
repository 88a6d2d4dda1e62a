import SystemPackage

/// Reads the syntax that `qb.conf` and `qbwrk.conf` share: settings, sections, quotes, braces and comments.
///
/// The syntax is that of the page "qbwrk.conf File Format" of the Qube! manual. Where the manual is silent:
///
/// - `#` starts a comment everywhere but between double quotes, within braces too.
/// - Between double quotes a backslash before a backslash or a double quote takes away its meaning; before anything
///   else, and anywhere outside double quotes, it is an ordinary character, because Windows paths are written plainly.
/// - Quotes end on their line. `${` within braces opens a macro whose `}` does not close the braces.
/// - A value that does not begin with a double quote may contain some, as in `worker_properties = host.owner="x"`;
///   they stay part of it, and they have to come in pairs.
///
/// Parsing never stops at a mistake: the statement is left out, a diagnostic says why, and reading goes on with the
/// next line. The text is split at line feeds; a carriage return before one belongs to it.
struct ConfigurationParser {
    private let file: FilePath
    private let lines: [ArraySlice<UInt8>]
    private var position = 0
    private var statements: [ConfigurationStatement] = []
    private var diagnostics: [ConfigurationDiagnostic] = []

    private init(text: String, file: FilePath) {
        self.file = file
        var bytes = Array(text.utf8)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        var lines = bytes.split(separator: .lineFeed, omittingEmptySubsequences: false)
            .map { $0.last == .carriageReturn ? $0.dropLast() : $0 }
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.lines = lines
    }

    /// Reads a file's text.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - file: The name of the file, for diagnostics.
    /// - Returns: What could be read, and what could not.
    static func parse(_ text: String, file: FilePath) -> ConfigurationDocument {
        var parser = ConfigurationParser(text: text, file: file)
        parser.parseAll()
        return ConfigurationDocument(
            file: file,
            statements: parser.statements,
            diagnostics: parser.diagnostics,
            lineCount: parser.lines.count
        )
    }

    private var lineNumber: Int { position + 1 }

    private mutating func parseAll() {
        refuseControlCharacters()
        while position < lines.count {
            let line = lines[position].trimmed
            switch line.first {
            case nil, .numberSign:
                position += 1
            case .openBracket:
                parseSection(line)
                position += 1
            default:
                parseAssignment(line)
            }
        }
        diagnostics.sort { ($0.line ?? 0) < ($1.line ?? 0) }
    }

    /// A carriage return or an escape sequence can make a terminal show another file than the one that is read.
    private mutating func refuseControlCharacters() {
        for (index, line) in lines.enumerated() {
            guard let byte = line.first(where: { ($0 < 0x20 && $0 != .tab) || $0 == 0x7F }) else { continue }
            report(
                .controlCharacter,
                line: index + 1,
                "the line contains the control character U+\(hexadecimal(byte))",
                "remove it; only tabs and line ends are allowed"
            )
        }
    }

    private mutating func parseSection(_ line: ArraySlice<UInt8>) {
        var depth = 0
        var end: Int?
        for index in line.indices where end == nil {
            switch line[index] {
            case .openBracket: depth += 1
            case .closeBracket:
                depth -= 1
                if depth == 0 { end = index }
            case .numberSign: return reportSection("the section's closing bracket is missing")
            default: break
            }
        }
        guard let end else { return reportSection("the section's closing bracket is missing") }
        let name = line[(line.startIndex + 1)..<end].trimmed
        guard !name.isEmpty else { return reportSection("the section has no name") }
        var rest = line[(end + 1)...].withoutComment.trimmed
        var parents: [String] = []
        if rest.first == .colon {
            rest = rest.dropFirst().trimmed
            parents = rest.split(whereSeparator: \.isBlank).map(\.text)
            guard !parents.isEmpty else { return reportSection("no parent follows the section's colon") }
        } else if !rest.isEmpty {
            report(
                .trailingText,
                line: lineNumber,
                "text follows the section's closing bracket",
                "put settings on lines of their own, or write `: parent` to inherit"
            )
            return
        }
        statements.append(.section(.init(name: name.text, parents: parents, line: lineNumber)))
    }

    private mutating func reportSection(_ text: String) {
        report(.invalidSection, line: lineNumber, text, "write [name] or [name] : parent")
    }

    /// Reads one setting and moves on to the line after it.
    private mutating func parseAssignment(_ line: ArraySlice<UInt8>) {
        let start = position
        position += 1
        let number = start + 1
        // The text of the line is not repeated: without an equals sign it may well be `proxy_password 06dee4`.
        guard
            let equals = line.firstIndex(where: { $0 == .equals || $0 == .numberSign || $0 == .doubleQuote }),
            line[equals] == .equals
        else {
            report(.missingEquals, line: number, "the line is no setting", "write key = value, or # before a comment")
            return
        }
        let key = line[..<equals].trimmed
        guard !key.isEmpty else {
            report(.invalidKey, line: number, "the equals sign has no key before it", "write key = value")
            return
        }
        guard key.allSatisfy(\.isKeyCharacter) else {
            report(
                .invalidKey,
                line: number,
                "the text before the equals sign is no key",
                "a key has only letters, digits, _, - and ."
            )
            return
        }
        let value = line[(equals + 1)...].trimmed
        guard let value = parseValue(value, number: number) else { return }
        statements.append(.assignment(.init(key: key.text, value: value, line: number)))
    }

    private mutating func parseValue(_ value: ArraySlice<UInt8>, number: Int) -> ConfigurationValue? {
        switch value.first {
        case nil, .numberSign:
            return ConfigurationValue(form: .empty, text: "", lastLine: number)
        case .doubleQuote:
            return parseQuoted(value, number: number)
        case .openBrace:
            return parseBlock(value.dropFirst(), number: number)
        default:
            guard let end = value.endOfBareText else {
                reportUnterminatedQuote(number)
                return nil
            }
            let text = value[..<end].trimmed
            return ConfigurationValue(
                form: text.first == .singleQuote ? .singleQuoted : .bare,
                text: text.text,
                lastLine: number
            )
        }
    }

    private mutating func parseQuoted(_ value: ArraySlice<UInt8>, number: Int) -> ConfigurationValue? {
        guard let end = value.endOfQuotes(from: value.startIndex) else {
            reportUnterminatedQuote(number)
            return nil
        }
        let rest = value[end...].withoutComment.trimmed
        guard rest.isEmpty else {
            report(
                .trailingText,
                line: number,
                "text follows the closing quote of the value",
                "quote the whole value, and write \\\" for a double quote within it"
            )
            return nil
        }
        var text: [UInt8] = []
        var escaped = false
        for byte in value[(value.startIndex + 1)..<(end - 1)] {
            if escaped {
                if byte != .doubleQuote, byte != .backslash { text.append(.backslash) }
                text.append(byte)
                escaped = false
            } else if byte == .backslash {
                escaped = true
            } else {
                text.append(byte)
            }
        }
        return ConfigurationValue(form: .quoted, text: text[...].text, lastLine: number)
    }

    private mutating func parseBlock(_ opening: ArraySlice<UInt8>, number: Int) -> ConfigurationValue? {
        var contents: [String] = []
        var line = opening
        var index = number - 1
        while true {
            switch line.scanBlockLine() {
            case .openEnded(let text):
                contents.append(text.trimmed.text)
            case .unterminatedQuote:
                reportUnterminatedQuote(index + 1)
                position = index + 1
                resumeAfterBlock()
                return nil
            case .closed(let text, let rest):
                contents.append(text.trimmed.text)
                position = index + 1
                guard rest.withoutComment.trimmed.isEmpty else {
                    report(
                        .trailingText,
                        line: index + 1,
                        "text follows the closing brace",
                        "put the next setting on a line of its own"
                    )
                    return nil
                }
                return ConfigurationValue(
                    form: .block,
                    text: contents.filter { !$0.isEmpty }.joined(separator: "\n"),
                    lastLine: index + 1
                )
            }
            index += 1
            guard index < lines.count else {
                report(
                    .unterminatedBrace,
                    line: number,
                    "the brace opened here is never closed",
                    "write } on a line of its own after the last entry"
                )
                resumeAfterBlock()
                return nil
            }
            line = lines[index]
        }
    }

    /// After a broken block, goes on where something looks like a setting or a section again, so that what is wrong
    /// further down is found in the same run.
    private mutating func resumeAfterBlock() {
        while position < lines.count {
            let line = lines[position].trimmed
            if line.first == .openBracket { return }
            if let equals = line.firstIndex(of: .equals) {
                let key = line[..<equals].trimmed
                if !key.isEmpty, key.allSatisfy(\.isKeyCharacter) { return }
            }
            position += 1
        }
    }

    private mutating func reportUnterminatedQuote(_ number: Int) {
        report(
            .unterminatedQuote,
            line: number,
            "the double quote opened here is not closed on this line",
            "close it, or write \\\" between double quotes when the character itself is meant"
        )
    }

    private mutating func report(
        _ code: ConfigurationDiagnostic.Code,
        line: Int,
        _ text: String,
        _ remedy: String
    ) {
        diagnostics.append(
            ConfigurationDiagnostic(.error, code, file: file, line: line, text: text, remedy: remedy)
        )
    }

    private func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
