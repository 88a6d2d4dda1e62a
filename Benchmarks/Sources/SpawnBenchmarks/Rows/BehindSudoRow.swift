import Impersonation

/// A row whose daemon is an ordinary account with a rule in sudoers, since `sudo` is for nobody else.
///
/// It is measured in a process of its own that has as much memory as the one that asks it to.
struct BehindSudoRow: BenchmarkRow {
    let profile: RowProfile

    /// Where it is measured, shared by such rows.
    let daemon: UnprivilegedDaemon

    /// Which row it is there.
    let index: Int

    func prepare() async throws {
        try await PlainThread.run { [daemon] in try daemon.start() }
        guard case .prepared = try await ask(.prepare(row: index)) else {
            throw BenchmarkError("\(profile.name): the daemon without privileges answers something else")
        }
    }

    func measure(_ program: JobProgram, calls: Int) async throws -> [SpawnTiming] {
        guard case .timings(let timings) = try await ask(.measure(row: index, program: program)) else {
            throw BenchmarkError("\(profile.name): the daemon without privileges answers something else")
        }
        return timings
    }

    private func ask(_ request: DaemonRequest) async throws -> DaemonReply {
        let reply = try await PlainThread.run { [daemon] in try daemon.ask(request) }
        switch reply {
        case .failed(let reason): throw BenchmarkError(reason)
        case .hung(let seconds): throw BenchmarkError("a launch had not come back after \(seconds) s")
        default: return reply
        }
    }
}
