import ArgumentParser

/// The command line; ``EntryPoint`` runs it.
struct Impersonate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "impersonate",
        abstract: "Decides as whom a command runs, and runs it as that account.",
        discussion: """
            Exit status: that of the command for `run`; 125 when a request was refused or could not be decided or \
            started, or the end of the command is not known; 124 when --timeout ended the command, and 125 when it could \
            not; 128+N when signal N ended it; 64 for a command line that makes no sense; 1 when `config`, `doctor` or \
            `sudoers` found something wrong.
            """,
        subcommands: [Run.self, Explain.self, Config.self, Doctor.self, Sudoers.self]
    )
}
