public import SystemPackage

/// One thing found in a configuration file, with the place and the remedy.
///
/// No diagnostic contains the value of a setting that may hold a password.
public struct ConfigurationDiagnostic: Sendable, Hashable {
    /// How bad it is.
    public enum Severity: String, Sendable, Hashable, Codable {
        /// The file is used as it stands.
        case warning

        /// The file is not used at all.
        case error
    }

    /// What kind of thing was found; the raw value is stable.
    public enum Code: String, Sendable, Hashable, Codable, CaseIterable {
        /// The file is not there.
        case notFound
        /// A symbolic link on the way leads nowhere, in circles or over too many others.
        case brokenLink
        /// The operating system did not let the file be opened or read.
        case unreadable
        /// Something other than a regular file.
        case notRegularFile
        /// Something other than a directory.
        case notDirectory
        /// The file or something on the way belongs to somebody who is not trusted.
        case untrustedOwner
        /// The file or something on the way can be written by somebody who is not trusted.
        case untrustedMode
        /// The file is larger than any configuration.
        case tooLarge
        /// The file was written to while it was read.
        case changedWhileReading
        /// A file that holds a secret can be read by everybody.
        case secretReadableByAll
        /// The text is not UTF-8.
        case notUTF8
        /// A zero byte or another control character.
        case controlCharacter
        /// A line that is neither a setting nor a section.
        case missingEquals
        /// A setting without a key, or with characters no key has.
        case invalidKey
        /// A double quote without its partner on the same line.
        case unterminatedQuote
        /// A brace that is never closed, or a setting that stands between two braces.
        case unterminatedBrace
        /// Something after the closing quote, brace or bracket.
        case trailingText
        /// A value between single quotes.
        case singleQuotes
        /// A section header that cannot be read.
        case invalidSection
        /// A section in a file that has none.
        case sectionNotAllowed
        /// A key that was set before.
        case duplicateKey
        /// A key nobody knows.
        case unknownKey
        /// A value its key does not accept.
        case invalidValue
        /// A number its key does not accept.
        case outOfRange
        /// An account name with a domain where a bare one is needed.
        case bareUserNameOnly
        /// A value that is accepted, though it is not written as documented.
        case unusualSpelling
        /// Two settings that contradict each other.
        case conflict
    }

    /// How bad it is.
    public let severity: Severity

    /// What kind of thing was found.
    public let code: Code

    /// The file.
    public let file: FilePath

    /// The line, counted from one, or `nil` when the file as a whole is meant.
    public let line: Int?

    /// What was found.
    public let text: String

    /// What to do about it.
    public let remedy: String

    init(_ severity: Severity, _ code: Code, file: FilePath, line: Int?, text: String, remedy: String) {
        self.severity = severity
        self.code = code
        self.file = file
        self.line = line
        self.text = text
        self.remedy = remedy
    }
}

extension ConfigurationDiagnostic: CustomStringConvertible {
    /// `path:line: severity: text; remedy`, one line, the path's unprintable characters escaped.
    public var description: String {
        let place = line.map { "\(printable(file.string)):\($0)" } ?? printable(file.string)
        return "\(place): \(severity.rawValue): \(text); \(remedy)"
    }
}

extension ConfigurationDiagnostic: Encodable {
    private enum CodingKeys: String, CodingKey {
        case severity
        case code
        case file
        case line
        case text
        case remedy
    }

    /// Writes the diagnostic with the keys `severity`, `code`, `file`, `line`, `text` and `remedy`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(severity, forKey: .severity)
        try container.encode(code, forKey: .code)
        try container.encode(file.string, forKey: .file)
        try container.encode(line, forKey: .line)
        try container.encode(text, forKey: .text)
        try container.encode(remedy, forKey: .remedy)
    }
}
