import Impersonation
import SystemPackage

/// A launcher of this library, as a daemon uses it from any task.
struct LibraryRow: BenchmarkRow {
    /// The name of the row that the library is judged by.
    static let isolatedName = "isolated"

    let profile: RowProfile
    let launcher: any ProcessLauncher
    let identity: ExecutionIdentity

    @concurrent
    func measure(_ program: JobProgram, calls: Int) async throws -> [SpawnTiming] {
        var command = Command(.path(FilePath(program.path)), arguments: program.arguments)
        command.workingDirectory = .path("/")
        var timings: [SpawnTiming] = []
        for _ in 0..<calls {
            let begin = MonotonicClock.nanoseconds
            let process = try await launcher.launch(command, as: identity)
            let returned = MonotonicClock.nanoseconds
            let report = try await process.exitReport()
            let reaped = MonotonicClock.nanoseconds
            guard report.status.isSuccess else {
                throw BenchmarkError("\(profile.name): \(program.path) ended with \(report.status)")
            }
            timings.append(SpawnTiming(begin: begin, returned: returned, reaped: reaped))
        }
        return timings
    }
}
