import Impersonation
public import SystemPackage

extension WorkerConfiguration {
    /// Reads a worker's file.
    ///
    /// The call blocks for as long as the file system does. Make it before serving anybody, or on a thread of its
    /// own, not in a task.
    ///
    /// - Parameters:
    ///   - file: The file. It has to be there.
    ///   - trust: What is demanded of the file before it is believed.
    /// - Returns: The configuration and the warnings.
    /// - Throws: ``ConfigurationError`` with everything that was found, when the file cannot be used.
    public static func load(
        from file: FilePath,
        trust: ConfigurationTrust = .trusted
    ) throws(ConfigurationError) -> LoadedConfiguration {
        let contents = try ConfigurationFileReader.read(file, trust: trust)
        return try load(contents.text, from: file, notes: contents)
    }

    /// Reads the file at ``defaultPath``, or goes by the built-in settings when there is none.
    ///
    /// Only a file that is truly absent is passed over: one that cannot be reached, read or trusted is an error, and so
    /// is a symbolic link that leads nowhere. Blocks like ``load(from:trust:)``.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - trust: What is demanded of the file before it is believed.
    /// - Returns: The configuration and the warnings.
    /// - Throws: ``ConfigurationError`` with everything that was found, when the file is there and cannot be used.
    public static func loadIfPresent(
        from file: FilePath = defaultPath,
        trust: ConfigurationTrust = .trusted
    ) throws(ConfigurationError) -> LoadedConfiguration {
        do {
            return try load(from: file, trust: trust)
        } catch  where error.code == .notFound {
            return LoadedConfiguration(configuration: WorkerConfiguration(), file: nil, diagnostics: [])
        }
    }

    /// Reads a configuration that is already in memory, as if it were the contents of a file.
    ///
    /// - Parameters:
    ///   - text: The contents.
    ///   - file: The name to give the file in diagnostics and explanations.
    /// - Returns: The configuration and the warnings.
    /// - Throws: ``ConfigurationError`` with the code `invalid` and everything that was found.
    public static func parse(
        _ text: String,
        file: FilePath
    ) throws(ConfigurationError) -> LoadedConfiguration {
        try load(text, from: file, notes: nil)
    }

    private static func load(
        _ text: String,
        from file: FilePath,
        notes contents: ConfigurationFileContents?
    ) throws(ConfigurationError) -> LoadedConfiguration {
        var (configuration, diagnostics) = ConfigurationInterpreter.interpret(
            ConfigurationParser.parse(text, file: file)
        )
        if contents?.isReadableByAll == true, configuration.holdsSecret {
            diagnostics.insert(
                ConfigurationDiagnostic(
                    .warning,
                    .secretReadableByAll,
                    file: file,
                    line: nil,
                    text: "the file holds a password and everybody can read it",
                    remedy: "chmod o-r \(printable(file.string))"
                ),
                at: 0
            )
        }
        guard !diagnostics.contains(where: { $0.severity == .error }) else {
            throw ConfigurationError(.invalid, file: file, diagnostics: diagnostics)
        }
        configuration.otherKeys.sort { ($0.source.line ?? 0) < ($1.source.line ?? 0) }
        return LoadedConfiguration(configuration: configuration, file: file, diagnostics: diagnostics)
    }

    private var holdsSecret: Bool {
        proxyPassword.value != nil || state.value.holdsSecret
            || otherKeys.contains { ConfigurationKeys.all[$0.value]?.holdsSecret == true }
    }
}
