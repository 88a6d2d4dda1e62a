/// What was read of a configuration file.
struct ConfigurationFileContents: Sendable {
    /// The text.
    let text: String

    /// Whether everybody on the machine may read the file.
    let isReadableByAll: Bool
}
