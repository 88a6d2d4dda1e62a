import ArgumentParser
import Impersonation
import QubeCompatibility

/// Tells as whom a command would run, and why.
struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tells as whom a command would run, and why, without running it.",
        discussion: "Needs no privilege. Exit status 0 when it would run, 125 otherwise."
    )

    @OptionGroup var configurationOptions: ConfigurationOptions
    @OptionGroup var requestOptions: RequestOptions

    @Flag(help: "Print the report as one line of JSON.")
    var json = false

    func run() async throws {
        let report = await explain()
        Console.output(json ? [try JSONText.line(report)] : report.explanationLines)
        guard report.outcome == "identity" else { throw ExitCode.refused }
    }

    private func explain() async -> Report {
        var request = ExecutionRequest(login: requestOptions.login, requestedAccount: requestOptions.account)
        do {
            let worker = Worker(try configurationOptions.load().configuration)
            request.login = try await worker.login(named: requestOptions.login)
            return Report(try await worker.resolver.resolve(request), request: request)
        } catch {
            return Report(failure: error, request: request)
        }
    }
}
