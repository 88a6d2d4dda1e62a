public import SystemPackage

/// A configuration that can be used, and what was found while it was read.
public struct LoadedConfiguration: Sendable {
    /// The configuration.
    public let configuration: WorkerConfiguration

    /// The file it was read from, or `nil` when there was none and everything is built-in.
    public let file: FilePath?

    /// Warnings, in the order of the lines; a configuration with errors is never loaded.
    public let diagnostics: [ConfigurationDiagnostic]

    /// Whether `config check` is content: unknown keys are tolerated by a worker, but not by a check.
    public var passesCheck: Bool { !diagnostics.contains { $0.code == .unknownKey || $0.severity == .error } }
}
