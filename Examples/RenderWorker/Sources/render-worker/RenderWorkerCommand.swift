import ArgumentParser

/// The program.
struct RenderWorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "render-worker",
        abstract: "Runs the jobs of many people, each as the account the policy gives it.",
        subcommands: [ServeCommand.self, ReportCommand.self],
        defaultSubcommand: ServeCommand.self
    )
}
