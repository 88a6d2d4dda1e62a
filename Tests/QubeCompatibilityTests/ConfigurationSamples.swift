import SystemPackage

@testable import QubeCompatibility

/// The name the texts of tests have in diagnostics.
let sample = FilePath("/etc/qb.conf")

/// Loads a text that can be used.
func load(_ text: String) throws(ConfigurationError) -> LoadedConfiguration {
    try WorkerConfiguration.parse(text, file: sample)
}

/// Everything that is found in a text, whether it can be used or not.
func findings(_ text: String) -> [ConfigurationDiagnostic] {
    do {
        return try load(text).diagnostics
    } catch {
        return error.diagnostics
    }
}

/// Everything that is found in a text, as a person sees it.
func messages(_ text: String) -> [String] {
    findings(text).map(\.description)
}

/// The assignments of a text, as the syntax sees them.
func assignments(_ text: String) -> [ConfigurationStatement.Assignment] {
    ConfigurationParser.parse(text, file: sample).statements
        .compactMap {
            guard case .assignment(let assignment) = $0 else { return nil }
            return assignment
        }
}
