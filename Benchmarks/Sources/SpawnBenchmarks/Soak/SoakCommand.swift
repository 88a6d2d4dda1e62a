import ArgumentParser
import Glibc

/// Launches thousands of jobs beside threads that come and go, and checks that nothing gets lost and nothing stays.
struct SoakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Launches thousands of jobs beside threads that come and go; checks that nothing is lost or left."
    )

    @Option(help: "How many launches there are with each launcher.")
    var launches = 20_000

    @Option(help: "How many of them go on at once.")
    var concurrency = 8

    @Option(
        help: """
            A launcher: isolated, direct, helper, limited-helper or precedent-helper; all unless given. Can be given more than once.
            """
    )
    var launcher: [LauncherChoice] = []

    @Option(help: "The program of the system helper.")
    var helper: String?

    @Option(help: "The account that jobs run as; nobody else uses it meanwhile.")
    var account = "alice"

    @Option(help: "How many milliseconds a launch may take.")
    var bound = 2_000

    @Option(help: "How many threads make other threads all the time; 8 at most.")
    var churn = 2

    func validate() throws {
        guard launches > 0, concurrency > 0, bound > 0, (0...8).contains(churn) else {
            throw ValidationError("launches, concurrency and bound are above 0, and churn is at most 8")
        }
    }

    func run() async throws {
        guard geteuid() == 0 else {
            throw BenchmarkError("only root can switch to an account; run it in the test bed: make soak")
        }
        signal(SIGPIPE, SIG_IGN)
        let account = try await JobAccount(named: account)
        let choices = LauncherChoice.meant(launcher, hasHelper: helper != nil)

        var broken: [String] = []
        for choice in choices {
            let running = try choice.start(helper)
            defer { running?.end() }
            let soak = Soak(
                launcher: try choice.launcher(running),
                account: account,
                launches: launches,
                concurrency: concurrency,
                churn: UInt32(churn),
                bound: .milliseconds(bound)
            )
            let result = try await soak.run(helper: running)
            print(result.text(of: choice.rawValue))
            broken += result.broken.map { "\(choice.rawValue): \($0)" }
        }
        guard broken.isEmpty else {
            throw BenchmarkError("this does not hold:\n  " + broken.joined(separator: "\n  "))
        }
    }
}
