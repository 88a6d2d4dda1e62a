import ArgumentParser

/// The other process of a measurement; started by ``MeasureCommand``, never by hand.
struct DaemonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daemon",
        abstract: "Launches for a measuring process.",
        shouldDisplay: false
    )

    @Option(help: "The resident memory to grow to.")
    var mebibytes: Int

    @Option(help: "The account that jobs run as.")
    var account: String

    @Option(help: "Where a system helper listens, if there is one.")
    var helperSocket: String?

    func run() async throws {
        var daemon = try MeasuredDaemon(
            residentMemory: mebibytes << 20,
            account: try await JobAccount(named: account),
            helperSocket: helperSocket
        )
        try await daemon.serve()
    }
}
