import Subprocess
import SystemPackage

/// swift-subprocess with user, group and supplementary groups.
///
/// A daemon's first launch of this kind hangs for ever now and then (glibc's `setgroups` in a raw clone waits for a thread
/// that does not exist there), so the row is warmed up with a plain launch and may end early.
struct SubprocessRow: BenchmarkRow {
    let account: JobAccount

    var profile: RowProfile { RowProfile(name: "swift-subprocess 1.0.2", callsPerRound: 3, isRequired: false) }

    func prepare() async throws {
        _ = try await launch(.binTrue, PlatformOptions())
    }

    @concurrent
    func measure(_ program: JobProgram, calls: Int) async throws -> [SpawnTiming] {
        var options = PlatformOptions()
        options.userID = account.userID
        options.groupID = account.groupID
        options.supplementaryGroups = account.groups
        options.createSession = true
        var timings: [SpawnTiming] = []
        for _ in 0..<calls {
            timings.append(try await launch(program, options))
        }
        return timings
    }

    private func launch(_ program: JobProgram, _ options: PlatformOptions) async throws -> SpawnTiming {
        var environment: [Environment.Key: String] = [:]
        for (name, value) in account.environment {
            environment[Environment.Key(stringLiteral: name)] = value
        }
        let begin = MonotonicClock.nanoseconds
        let result = try await run(
            .path(FilePath(program.path)),
            arguments: Arguments(program.arguments),
            environment: .custom(environment),
            workingDirectory: "/",
            platformOptions: options,
            input: .none,
            output: .discarded,
            error: .discarded
        ) { _ in
            MonotonicClock.nanoseconds
        }
        let reaped = MonotonicClock.nanoseconds
        guard result.terminationStatus.isSuccess else {
            throw BenchmarkError("\(profile.name): \(program.path) ended with \(result.terminationStatus)")
        }
        return SpawnTiming(begin: begin, returned: result.closureResult, reaped: reaped)
    }
}
