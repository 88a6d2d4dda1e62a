/// `posix_spawn(3)` as it is: no change of identity, no session, no clean descriptors.
struct PosixSpawnRow: SynchronousRow {
    let account: JobAccount

    var profile: RowProfile { RowProfile(name: "posix_spawn", callsPerRound: 20, switchesIdentity: false) }

    func spawn(_ program: JobProgram, calls: Int) throws -> [SpawnTiming] {
        try unsafe StringVector.withVectors(
            [program.path] + program.arguments,
            account.environmentStrings
        ) { arguments, environment in
            try (0..<calls)
                .map { _ in
                    let begin = MonotonicClock.nanoseconds
                    let process = try unsafe Subprogram.start(program.path, arguments, environment)
                    let returned = MonotonicClock.nanoseconds
                    let status = try Subprogram.wait(for: process)
                    let reaped = MonotonicClock.nanoseconds
                    try requireSuccess(status, of: program)
                    return SpawnTiming(begin: begin, returned: returned, reaped: reaped)
                }
        }
    }
}
