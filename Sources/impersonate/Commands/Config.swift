import ArgumentParser

/// Looks after the configuration.
struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks or shows the configuration.",
        subcommands: [Check.self, Show.self]
    )
}
