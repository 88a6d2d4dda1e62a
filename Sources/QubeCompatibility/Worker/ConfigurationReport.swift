import Impersonation
import SystemPackage

/// A configuration as `config show` and `config check` give it out: every key, its value and where it was set.
///
/// No value in a report is a secret: of a password it says `(set)`, and a password within a URL is left out.
public struct ConfigurationReport: Sendable, Encodable {
    /// One key that counts.
    public struct Setting: Sendable, Encodable {
        /// The key.
        public let key: String

        /// The value as a file would spell it, or `nil` when there is none.
        public let value: String?

        /// Whether the value is a secret, so that ``value`` only says that there is one.
        public let isSecret: Bool

        /// Where it was set.
        public let source: Source
    }

    /// A key of Qube! that a file sets and that does not count here; its value is not shown.
    public struct OtherKey: Sendable, Encodable {
        /// The key.
        public let key: String

        /// Where it was set.
        public let source: Source
    }

    /// Where a setting was made.
    public struct Source: Sendable, Encodable {
        /// The file, or `nil` when it was none.
        public let file: String?

        /// The line in the file.
        public let line: Int?

        /// The file, or a name such as `built-in`.
        public let origin: String

        init(_ source: RuleSource) {
            file = source.file?.string
            line = source.line
            origin = source.origin
        }
    }

    /// The file that was read, or `nil` when everything is built-in.
    public let file: String?

    /// Whether `config check` is content.
    public let passes: Bool

    /// Every key that counts, in a fixed order; empty when the file cannot be used.
    public let settings: [Setting]

    /// The other keys of the file, in its order.
    public let otherKeys: [OtherKey]

    /// What was found, in the order of the lines.
    public let diagnostics: [ConfigurationDiagnostic]

    /// Reports a configuration that was loaded.
    ///
    /// - Parameter loaded: The configuration.
    public init(_ loaded: LoadedConfiguration) {
        file = loaded.file?.string
        passes = loaded.passesCheck
        settings = loaded.configuration.settings
        otherKeys = loaded.configuration.otherKeys.map { OtherKey(key: $0.value, source: Source($0.source)) }
        diagnostics = loaded.diagnostics
    }

    /// Reports a file that cannot be used.
    ///
    /// - Parameter error: Why it cannot.
    public init(_ error: ConfigurationError) {
        file = error.file.string
        passes = false
        settings = []
        otherKeys = []
        diagnostics = error.diagnostics
    }
}
