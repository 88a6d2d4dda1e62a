public import SystemPackage

/// A configuration file cannot be used, and why.
public struct ConfigurationError: Error, Sendable, Hashable {
    /// Why a file cannot be used; the raw value is stable.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// There is no such file.
        case notFound

        /// The file is there and could not be read.
        case unreadable

        /// Somebody who is not trusted could have written the file.
        case untrusted

        /// The file was read and has errors.
        case invalid
    }

    /// Why the file cannot be used.
    public let code: Code

    /// The file.
    public let file: FilePath

    /// Everything found, warnings included, in the order of the lines; at least one of them is an error.
    public let diagnostics: [ConfigurationDiagnostic]

    init(_ code: Code, file: FilePath, diagnostics: [ConfigurationDiagnostic]) {
        self.code = code
        self.file = file
        self.diagnostics = diagnostics
    }
}

extension ConfigurationError: CustomStringConvertible {
    /// Every diagnostic, one to a line.
    public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
