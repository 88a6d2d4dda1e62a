import ArgumentParser
import FoundationEssentials
import Glibc
import Impersonation
import SystemPackage

/// Measures the launches of one account on the quiet machine, beside a benign load of another, and beside an attack of it.
struct HostileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hostile",
        abstract: "Measures launches of one account beside a load and beside an attack of another one."
    )

    @Option(
        help: """
            A launcher: isolated, direct, helper, limited-helper or precedent-helper; all unless given. Can be given more than once.
            """
    )
    var launcher: [LauncherChoice] = []

    @Option(help: "The program of the system helper.")
    var helper: String?

    @Option(help: "The account whose launches are measured.")
    var account = "bob"

    @Option(help: "The account that attacks; nobody else uses it meanwhile.")
    var attacker = "alice"

    @Option(help: "How many rounds there are; the machine is quiet, loaded and attacked in each.")
    var rounds = 10

    @Option(help: "How many launches are measured in each of the three.")
    var calls = 60

    @Option(
        help: """
            What the attack does: 0 own processes, 1 all others, 2 control groups, 3 forks, 4 output, 5 output in single bytes.
            """
    )
    var roles = "012345"

    @Option(
        help: """
            How much of one processor load and attack have together, in percent: what they cost beyond is not for want of a \
            processor. (default: whatever they get)
            """
    )
    var processorPercent: Int?

    @Flag(
        inversion: .prefixedNo,
        help: "Whether the daemon, which is this process, takes precedence over jobs (DaemonPrecedence)."
    )
    var precedence = true

    func validate() throws {
        guard rounds > 0, calls > 0, account != attacker else {
            throw ValidationError("rounds and calls are above 0, and the two accounts are not the same")
        }
        guard processorPercent.map({ (1...100).contains($0) }) ?? true else {
            throw ValidationError("--processor-percent is a number from 1 to 100")
        }
    }

    func run() async throws {
        guard geteuid() == 0 else {
            throw BenchmarkError("only root can switch to an account; run it in the test bed: make hostile")
        }
        signal(SIGPIPE, SIG_IGN)
        // As a service manager starts a daemon.
        _ = setsid()
        print(precedence ? "\(DaemonPrecedence.take())" : "no precedence over jobs: as asked")
        let victim = try await JobAccount(named: account)
        let attacker = try await JobAccount(named: attacker)
        let directory = try WorkDirectory()
        defer { directory.remove() }
        let limit = try processorPercent.map { try ProcessorLimit(percent: $0, below: FilePath(directory.path)) }
        defer { limit?.remove() }
        let program = try ExitZeroProgram()
        defer { program.remove() }
        let job = try directory.copy(Self.jobProgram(), as: "hostile-job")

        // Below a directory of cgroup v2 everything an account has started can be found, and must be gone.
        let place = unsafe getenv("IMPERSONATION_TEST_BED_CGROUP").map { unsafe String(cString: $0) } ?? ""
        let groups = place.isEmpty ? nil : try ControlGroups(below: FilePath(place))
        let choices = LauncherChoice.meant(launcher, hasHelper: helper != nil)

        var broken: [String] = []
        for choice in choices {
            let running = try choice.start(helper, controlGroups: place.isEmpty ? nil : place)
            defer { running?.end() }
            let launcher = try choice.launcher(running, controlGroups: groups)
            let hasGroups = groups != nil && choice != .direct
            var duel = Duel(
                launcher: launcher,
                victim: victim,
                attacker: attacker,
                program: JobProgram(name: "exit-zero", path: program.path),
                hostileJob: job,
                leased: try directory.copy(job, as: "leased-\(choice.rawValue)", owner: attacker.userID),
                groups: [place, "/sys/fs/cgroup"].filter { !$0.isEmpty },
                roles: roles,
                isContained: hasGroups,
                processorLimit: limit
            )
            try await duel.run(rounds: rounds, calls: calls)
            print(duel.text(of: choice.rawValue))
            broken += duel.broken.map { "\(choice.rawValue): \($0)" }
        }
        guard broken.isEmpty else {
            throw BenchmarkError("this does not hold:\n  " + broken.joined(separator: "\n  "))
        }
    }

    /// The program of the attack, which is built beside this one.
    private static func jobProgram() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = FilePath(own).removingLastComponent().appending("hostile-job").string
        guard unsafe access(path, X_OK) == 0 else {
            throw BenchmarkError("\(path) is missing; build the whole package: make hostile")
        }
        return path
    }
}
