import ArgumentParser
import FoundationEssentials
import Glibc
import SystemPackage

/// Measures every row in a small and in a big daemon and prints the tables.
struct MeasureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure",
        abstract: "Measures every row in a small and in a big daemon and prints the tables."
    )

    @Option(help: "The account that jobs run as.")
    var account = "alice"

    @Option(help: "How many rounds to run; every row has its turn in each.")
    var rounds = 90

    @Option(help: "Seconds after which no further round begins.")
    var seconds = 90

    @Option(help: "The resident memory of the small daemon in MiB, if it does not have more by itself.")
    var small = 10

    @Option(help: "The resident memory of the big daemon in MiB.")
    var big = 1_024

    @Option(help: "A file to write the results to as JSON.")
    var json: String?

    @Option(help: "The program of the system helper, for a row of its own.")
    var helper: String?

    @Option(help: "The launcher program of the sudo backend, for a row of its own and one for sudo alone.")
    var launcher: String?

    @Option(help: "The account that uses sudo, which a rule has to let run anything as the account of the jobs.")
    var worker = "svc999"

    @Option(name: .customLong("row"), help: "A row to measure beside the reference, again and again; all unless given.")
    var names: [String] = []

    @Flag(
        name: .customLong("assert"),
        help: "Fail unless the isolated mode is flat and ahead of every peer that switches identity."
    )
    var asserts = false

    func validate() throws {
        guard rounds > 0, seconds > 0, small > 0, big > small else {
            throw ValidationError(
                "rounds, seconds and sizes are above 0, and the big daemon is bigger than the small one"
            )
        }
    }

    func run() async throws {
        guard geteuid() == 0 else {
            throw BenchmarkError("only root can switch to an account; measure in the test bed: make bench-quick")
        }
        // A daemon that ends early must not take this process along; the write then fails with an error of its own.
        signal(SIGPIPE, SIG_IGN)
        let running = try helper.map { try HelperProcess($0) }
        defer { running?.end() }
        let socket = running?.socket.string
        let directory = try launcher.map { _ in try WorkDirectory() }
        defer { directory?.remove() }
        // Where every account may run it, and nobody read it, as it is installed.
        let sudo = try launcher.flatMap { launcher in
            try directory.map { directory in
                UnprivilegedDaemon.Setting(
                    worker: worker,
                    launcher: try directory.copy(launcher, as: "impersonation-launcher", mode: 0o711)
                )
            }
        }
        let rows =
            RowCatalog.rows(
                for: try await JobAccount(named: account),
                helperSocket: socket,
                sudo: sudo,
                mebibytes: small
            )
            .map(\.profile)
        if let unknown = names.first(where: { name in !rows.contains { $0.name == name } }) {
            throw BenchmarkError("there is no row \(unknown); there are \(rows.map(\.name).joined(separator: ", "))")
        }
        let smallest = try ExitZeroProgram()
        defer { smallest.remove() }

        let begin = MonotonicClock.nanoseconds
        var measurement = Measurement(
            rows: rows,
            only: names.isEmpty ? nil : Set(names),
            programs: [JobProgram(name: "exit-zero", path: smallest.path), .binTrue],
            daemons: [
                try DaemonConnection(
                    name: "small",
                    mebibytes: small,
                    account: account,
                    helperSocket: socket,
                    sudo: sudo
                ),
                try DaemonConnection(
                    name: Self.name(of: big),
                    mebibytes: big,
                    account: account,
                    helperSocket: socket,
                    sudo: sudo
                ),
            ]
        )
        defer { measurement.end() }
        try measurement.prepare()
        try measurement.run(rounds: rounds, until: begin + UInt64(seconds) * 1_000_000_000)

        let report = try BenchmarkReport(
            measurement,
            account: account,
            smallestProgram: smallest.note,
            seconds: Double(MonotonicClock.nanoseconds - begin) / 1e9
        )
        print(report.text)
        if let json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            try encoder.encode(report).write(to: URL(filePath: json))
        }
        let broken = report.claims.filter { !$0.holds }
        guard !asserts || broken.isEmpty else {
            throw BenchmarkError("this run does not bear out: \(broken.map(\.text).joined(separator: "; "))")
        }
    }

    private static func name(of mebibytes: Int) -> String {
        mebibytes % 1_024 == 0 ? "\(mebibytes >> 10) GiB" : "\(mebibytes) MiB"
    }
}
