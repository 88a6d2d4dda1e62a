import ArgumentParser
import QubeCompatibility
import SystemPackage

/// Where the configuration comes from.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The worker's configuration file.", valueName: "file"))
    var config: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The host whose settings count. A worker's own file has no sections for hosts, so it has no influence yet.",
            valueName: "name"
        )
    )
    var host: String?

    /// Reads the file, or the one at the default path when it is there.
    ///
    /// - Parameter trust: What is demanded of the file before it is believed.
    /// - Returns: The configuration and the warnings.
    /// - Throws: `ConfigurationError` with everything that was found, when the file cannot be used.
    func load(trust: ConfigurationTrust = .trusted) throws(ConfigurationError) -> LoadedConfiguration {
        guard let config else { return try WorkerConfiguration.loadIfPresent(trust: trust) }
        return try WorkerConfiguration.load(from: FilePath(config), trust: trust)
    }

    /// The same, to be looked at before it is used.
    func loaded() -> Result<LoadedConfiguration, ConfigurationError> {
        do throws(ConfigurationError) {
            return .success(try load())
        } catch {
            return .failure(error)
        }
    }
}
