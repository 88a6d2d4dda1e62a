import CThreadChurn
import Glibc
import Impersonation
import SystemPackage

/// Thousands of launches with one launcher.
struct Soak: Sendable {
    let launcher: any ProcessLauncher
    let account: JobAccount

    /// How many launches there are.
    let launches: Int

    /// How many of them go on at once.
    let concurrency: Int

    /// How many threads make others meanwhile.
    let churn: UInt32

    /// How long a launch may take.
    let bound: Duration

    /// A launch or an end that takes longer than this does not come at all.
    private static let patience: Duration = .seconds(30)

    /// Launches before anything is counted: threads and descriptors that are made once are there then.
    private static let warmUp = 64

    /// Ends with the number it is told, or is killed by itself when it has a descriptor of somebody else's.
    private static let script = """
        number=3
        while [ $number -lt 64 ]; do [ -e /proc/self/fd/$number ] && kill -KILL $$; number=$((number + 1)); done
        exit "$1"
        """

    /// Launches everything and looks at what is left.
    ///
    /// - Parameter helper: The helper behind the launcher, if it has one.
    /// - Returns: What was seen, with everything that was not as it has to be.
    /// - Throws: ``BenchmarkError`` when the other threads cannot be started.
    func run(helper: HelperProcess?) async throws -> SoakResult {
        var result = SoakResult(launches: launches, bound: bound)
        for outcome in await launch(Self.warmUp) { result.add(outcome, counts: false) }
        try await Task.sleep(for: .milliseconds(200))
        let before = Leftovers(helper: helper)

        let error = thread_churn_start(churn)
        guard error == 0 else { throw BenchmarkError("no threads could be started (errno \(error))") }
        try await untilOthersComeAndGo()
        let progress = ChurnProgress(launches: launches)
        let begin = MonotonicClock.nanoseconds
        let outcomes = await launch(launches, progress)
        result.seconds = Double(MonotonicClock.nanoseconds - begin) / 1e9
        if churn > 0 { result.broken += progress.end() }
        guard
            case .ended(.success(let threads)) = await Watchdog.run(
                limit: Self.patience,
                { try await PlainThread.run { thread_churn_stop() } }
            )
        else { throw BenchmarkError("the other threads had not ended after \(Self.patience): one of them hangs") }
        result.threads = threads

        for outcome in outcomes { result.add(outcome, counts: true) }
        result.broken += await before.whatIsNew(account: account, helper: helper)
        return result
    }

    private func untilOthersComeAndGo() async throws {
        let deadline = ContinuousClock.now + Self.patience
        while churn > 0, thread_churn_least() == 0 {
            guard ContinuousClock.now < deadline else {
                throw BenchmarkError("no other thread had come and gone after \(Self.patience)")
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    private func launch(_ count: Int, _ progress: ChurnProgress? = nil) async -> [SoakOutcome] {
        await withTaskGroup(of: [SoakOutcome].self) { group in
            for first in 0..<concurrency {
                group.addTask {
                    var outcomes: [SoakOutcome] = []
                    for number in stride(from: first, to: count, by: concurrency) {
                        outcomes.append(await launchOne(number))
                        progress?.passed(number)
                    }
                    return outcomes
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func launchOne(_ number: Int) async -> SoakOutcome {
        let expected = Int32(number % 256)
        var command = Command(.path("/bin/sh"), arguments: ["-c", Self.script, "sh", "\(expected)"])
        command.workingDirectory = .path("/")
        let begin = MonotonicClock.nanoseconds
        let outcome = await Watchdog.run(limit: Self.patience) { [command] in
            let process = try await launcher.launch(command, as: account.identity)
            let returned = MonotonicClock.nanoseconds
            let status = try await process.exitReport().status
            return (SpawnTiming(begin: begin, returned: returned, reaped: MonotonicClock.nanoseconds), status)
        }
        switch outcome {
        case .ended(.success((let timing, .exited(expected)))):
            return .right(timing)
        case .ended(.success((_, let status))):
            return .wrong("job \(number) ended with \(status), not with \(expected)")
        case .ended(.failure(let error)):
            return .wrong("job \(number) was not launched: \(error)")
        case .hung:
            return .wrong("job \(number) had not been launched and ended after \(Self.patience)")
        }
    }
}
