import ArgumentParser

/// Measures how long it takes to start a program as another account.
@main
struct SpawnBenchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spawn-benchmarks",
        abstract: "Measures how long it takes to start a program as another account, and what holds that up.",
        subcommands: [MeasureCommand.self, SoakCommand.self, HostileCommand.self, DaemonCommand.self],
        defaultSubcommand: MeasureCommand.self
    )
}
