import Glibc
import Impersonation
import SystemPackage

/// The launches of one account beside what another one does, with one launcher.
struct Duel {
    let launcher: any ProcessLauncher

    /// The account whose launches are measured.
    let victim: JobAccount

    /// The account that loads the machine and attacks.
    let attacker: JobAccount

    /// What is launched.
    let program: JobProgram

    /// The program of load and attack.
    let hostileJob: String

    /// A program of the attacker's own.
    let leased: String

    /// The directories with control groups that the attack tries to write to.
    let groups: [String]

    /// What the attack does, a digit for each of its processes.
    let roles: String

    /// Whether everything that a job starts can be found.
    let isContained: Bool

    /// What bounds load and attack, if anything does.
    let processorLimit: ProcessorLimit?

    /// What was not as it has to be.
    private(set) var broken: [String] = []

    private var series: [Surroundings: Series] = [:]
    private var neighbours: [Surroundings: Neighbours.Outcomes] = [:]
    private var runnable: [Surroundings: [(processes: Int, sessions: Int)]] = [:]
    private var leftByAttack: [Int] = []
    private var floodedBytes = 0

    /// After how many launches it is looked what else runs.
    private static let launchesBetweenLooks = 10

    /// The load of the same kind as the attack: as many processes that never rest, one of them forking where the attack does,
    /// and one in a session of its own for the launches that the attack wakes again and again.
    private var load: [String] {
        let forking = roles.contains("3") ? 1 : 0
        let computing = roles.count + (roles.contains("5") ? 3 : 0) - forking
        return ["load", "\(computing)", "\(forking)", roles.contains("0") ? "1" : "0"]
    }

    /// How much of what the attack writes is kept.
    private static let captureLimit = 65_536

    init(
        launcher: any ProcessLauncher,
        victim: JobAccount,
        attacker: JobAccount,
        program: JobProgram,
        hostileJob: String,
        leased: String,
        groups: [String],
        roles: String,
        isContained: Bool,
        processorLimit: ProcessorLimit?
    ) {
        self.launcher = launcher
        self.victim = victim
        self.attacker = attacker
        self.program = program
        self.hostileJob = hostileJob
        self.leased = leased
        self.groups = groups
        self.roles = roles
        self.isContained = isContained
        self.processorLimit = processorLimit
    }

    /// Measures; in each round all three surroundings have their turn, in random order.
    mutating func run(rounds: Int, calls: Int) async throws {
        var gate = IdleGate()
        for round in 0..<rounds {
            for surroundings in Surroundings.allCases.shuffled() {
                try gate.pass()
                let timings = try await measure(in: surroundings, calls: calls)
                series[surroundings, default: Series()].add(timings, round: round)
            }
        }
    }

    private mutating func measure(in surroundings: Surroundings, calls: Int) async throws -> [SpawnTiming] {
        guard surroundings != .quiet else { return await launches(calls, in: surroundings) }
        let job = try await startJob(of: surroundings)
        let beside = Neighbours()
        let tasks = (0..<Neighbours.count)
            .map { _ in
                Task { [launcher, leased, attacker] in await beside.run(launcher, leased, as: attacker) }
            }
        // The first of them are on their way then, and stand still beside the attack.
        try await Task.sleep(for: .milliseconds(50))
        let timings = await launches(calls, in: surroundings)
        beside.end()
        let report = try await job.process.terminate(gracePeriod: .milliseconds(50))
        for task in tasks { await task.value }
        add(beside.current, in: surroundings)
        floodedBytes += (report.standardOutput?.bytes.count ?? 0) + (report.standardOutput?.omittedBytes ?? 0)
        await clear(after: surroundings)
        // Whatever has escaped holds standard error as well, for a minute unless it is ended.
        for line in await job.messages.value where line.hasPrefix("reached") {
            broken.append("the \(surroundings.rawValue) job has \(line)")
        }
        return timings
    }

    private mutating func launches(_ calls: Int, in surroundings: Surroundings) async -> [SpawnTiming] {
        var command = Command(.path(FilePath(program.path)))
        command.workingDirectory = .path("/")
        var timings: [SpawnTiming] = []
        for call in 0..<calls {
            do {
                let begin = MonotonicClock.nanoseconds
                let process = try await launcher.launch(command, as: victim.identity)
                let returned = MonotonicClock.nanoseconds
                let report = try await process.exitReport()
                timings.append(
                    SpawnTiming(begin: begin, returned: returned, reaped: MonotonicClock.nanoseconds)
                )
                if !report.status.isSuccess { broken.append("a job of \(victim.name) ended with \(report.status)") }
            } catch {
                broken.append("a launch of \(victim.name) failed: \(error)")
            }
            if call % Self.launchesBetweenLooks == 0 {
                runnable[surroundings, default: []].append(ProcessTable.runnable(ofUser: attacker.userID))
            }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return timings
    }

    /// Starts load or attack, and comes back when it is at it.
    private func startJob(
        of surroundings: Surroundings
    ) async throws -> (process: LaunchedProcess, messages: Task<[String], Never>) {
        let arguments =
            surroundings == .hostile ? ["attack", roles, leased] + groups : load
        var command = Command(.path(FilePath(hostileJob)), arguments: arguments)
        command.workingDirectory = .path("/")
        command.standardOutput = .captured(limit: Self.captureLimit)
        command.standardError = .stream
        let process = try await launcher.launch(command, as: attacker.identity)
        guard let messages = process.standardError else {
            throw BenchmarkError("the \(surroundings.rawValue) job has no standard error")
        }
        let (ready, signal) = AsyncStream.makeStream(of: Bool.self)
        let lines = Task {
            var text = ""
            do {
                for try await bytes in messages {
                    text += String(decoding: bytes, as: UTF8.self)
                    if text.contains("ready\n") { signal.yield(true) }
                }
            } catch {
                text += "its messages could not be read: \(error)\n"
            }
            signal.yield(false)
            return text.split(separator: "\n").map(String.init)
        }
        for await isReady in ready {
            guard isReady else { break }
            try processorLimit?.add(ProcessTable.processes(ofUser: attacker.userID))
            return (process, lines)
        }
        let said = await lines.value.joined(separator: "; ")
        throw BenchmarkError("the \(surroundings.rawValue) job has ended at once: \(said)")
    }

    private mutating func add(_ outcomes: Neighbours.Outcomes, in surroundings: Surroundings) {
        var sum = neighbours[surroundings] ?? Neighbours.Outcomes()
        sum.launched += outcomes.launched
        sum.late += outcomes.late
        sum.killed += outcomes.killed
        sum.failed += outcomes.failed
        sum.reasons.merge(outcomes.reasons) { first, _ in first }
        neighbours[surroundings] = sum
    }

    /// Looks for whatever the attacker has left, and ends it.
    private mutating func clear(after surroundings: Surroundings) async {
        var left = ProcessTable.processes(ofUser: attacker.userID)
        for _ in 0..<20 where !left.isEmpty {
            try? await Task.sleep(for: .milliseconds(50))
            left = ProcessTable.processes(ofUser: attacker.userID)
        }
        if surroundings == .hostile { leftByAttack.append(left.count) }
        if isContained || surroundings == .benign {
            broken += left.map { "the \(surroundings.rawValue) job has left \(ProcessTable.description(of: $0))" }
        }
        while !left.isEmpty {
            for process in left { kill(process, SIGKILL) }
            try? await Task.sleep(for: .milliseconds(20))
            left = ProcessTable.processes(ofUser: attacker.userID)
        }
    }

    /// The table and what else was seen.
    func text(of name: String) -> String {
        var table = TextTable(header: [name, "launches", "median ms", "p90 ms", "p99 ms", "maximum ms", "x quiet"])
        for surroundings in Surroundings.allCases {
            table.add(cells(of: surroundings, surroundings.rawValue, \.reaped))
            table.add(cells(of: surroundings, "  until the job runs", \.returned))
        }
        var text = table.text
        text += "hostile to benign: p99 x \(ratio(.hostile, to: .benign, 0.99)), p90 x "
        text += "\(ratio(.hostile, to: .benign, 0.9)), median x \(ratio(.hostile, to: .benign, 0.5))"
        if let hostile = series[.hostile], let benign = series[.benign],
            let paired = PairedRatio(hostile, to: benign, \.reaped)
        {
            text += ", medians of the same round x \(Decimal.text(paired.median, 2))"
        }
        text += "\n"
        for surroundings in [Surroundings.benign, .hostile] {
            let looks = runnable[surroundings] ?? []
            let processes = Double(looks.map(\.processes).reduce(0, +)) / Double(max(looks.count, 1))
            let sessions = Double(looks.map(\.sessions).reduce(0, +)) / Double(max(looks.count, 1))
            text += "of \(attacker.name), \(surroundings.rawValue): \(Decimal.text(processes, 1)) processes run "
            text += "or wait to, in \(Decimal.text(sessions, 1)) sessions (mean of \(looks.count) looks)\n"
            guard let beside = neighbours[surroundings] else { continue }
            text += "launches of \(attacker.name), \(surroundings.rawValue): \(beside.launched) ran, "
            text += "\(beside.late) given up at their deadline, \(beside.killed) killed on their way, "
            text += "\(beside.failed) failed otherwise"
            text += beside.reasons.sorted { $0.key < $1.key }.map { "; \($0.key): \($0.value)" }.joined() + "\n"
        }
        let left = leftByAttack.reduce(0, +)
        text += "left by \(leftByAttack.count) attacks: \(left) processes "
        text += isContained ? "(each in a cgroup of its own)\n" : "(without a cgroup; 16 of each escape on purpose)\n"
        return text + "written by the attacks: \(floodedBytes >> 20) MiB, \(Self.captureLimit >> 10) KiB of each kept\n"
    }

    private func cells(of surroundings: Surroundings, _ name: String, _ time: KeyPath<SpawnTiming, UInt64>) -> [String]
    {
        let times = milliseconds(surroundings, time)
        let quantiles = [0.5, 0.9, 0.99, 1]
            .map { share in Statistics.quantile(share, of: times).map { Decimal.text($0, 2) } ?? "-" }
        return [name, "\(times.count)"] + quantiles + [ratio(surroundings, to: .quiet, 0.5, time)]
    }

    private func milliseconds(_ surroundings: Surroundings, _ time: KeyPath<SpawnTiming, UInt64>) -> [Double] {
        (series[surroundings]?.microseconds(time) ?? []).map { $0 / 1_000 }
    }

    private func ratio(
        _ one: Surroundings,
        to other: Surroundings,
        _ share: Double,
        _ time: KeyPath<SpawnTiming, UInt64> = \.reaped
    ) -> String {
        guard let above = Statistics.quantile(share, of: milliseconds(one, time)),
            let below = Statistics.quantile(share, of: milliseconds(other, time)), below > 0
        else { return "-" }
        return Decimal.text(above / below, 2)
    }
}
