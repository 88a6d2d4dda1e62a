package import SystemPackage

/// One thing that is wrong with a policy file.
package struct PolicyProblem: Hashable, Sendable {
    /// What kind of thing it is; the raw value is stable.
    package enum Code: String, Sendable, CaseIterable {
        /// The file is not there, or the operating system did not let it be read.
        case unreadable
        /// Somebody else than root could have put it there, or it has another name.
        case untrusted
        /// It changed while it was read.
        case changedWhileReading = "changed-while-reading"
        /// It is larger than any policy.
        case tooLarge = "too-large"
        /// A zero byte, a carriage return or another control character.
        case controlCharacter = "control-character"
        /// Bytes that are no UTF-8.
        case notUTF8 = "not-utf8"
        /// A line that is no setting.
        case syntax
        /// A key that nobody knows.
        case unknownKey = "unknown-key"
        /// A key that was set before.
        case duplicateKey = "duplicate-key"
        /// A key that has to be set and is not.
        case missingKey = "missing-key"
        /// A value that its key does not take.
        case invalidValue = "invalid-value"
        /// A name that the name service does not know.
        case unknownName = "unknown-name"
        /// A name that the name service could not be asked for; it may be another time.
        case nameServiceUnavailable = "name-service-unavailable"
        /// A name that the name service spells otherwise.
        case otherSpelling = "other-spelling"
        /// An id that is never permitted, or that another setting rules out.
        case neverPermitted = "never-permitted"
    }

    /// What kind of thing it is.
    package let code: Code

    /// The file.
    package let file: FilePath

    /// The line, counted from one; `nil` when the file as a whole is meant.
    package let line: Int?

    /// What is wrong.
    package let text: String

    /// What to do about it.
    package let remedy: String

    init(_ code: Code, _ file: FilePath, line: Int?, _ text: String, _ remedy: String) {
        self.code = code
        self.file = file
        self.line = line
        self.text = text
        self.remedy = remedy
    }
}

extension PolicyProblem: CustomStringConvertible {
    /// `file:line: text; remedy`, on one line.
    package var description: String {
        let place = line.map { "\(file.string.onOneLine):\($0)" } ?? file.string.onOneLine
        return "\(place): \(text); \(remedy)"
    }
}
