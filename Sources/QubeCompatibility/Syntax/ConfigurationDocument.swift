import SystemPackage

/// A configuration file after the syntax and before any meaning.
struct ConfigurationDocument: Sendable {
    /// The file.
    let file: FilePath

    /// The statements that could be read, in the order of the file.
    let statements: [ConfigurationStatement]

    /// What could not be read, in the order of the file.
    let diagnostics: [ConfigurationDiagnostic]

    /// How many lines the file has.
    let lineCount: Int
}
