import ArgumentParser

/// The command line tool.
@main
struct Impersonate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "impersonate")
}
