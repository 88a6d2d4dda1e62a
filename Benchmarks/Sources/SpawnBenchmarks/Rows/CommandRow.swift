/// A program that switches to the account and then becomes the job, started with `posix_spawn(3)`: the fastest way a
/// daemon has to use it.
struct CommandRow: SynchronousRow {
    let account: JobAccount

    /// The program.
    let command: String

    /// Its arguments in front of those of the job.
    let options: [String]

    let callsPerRound: Int

    var profile: RowProfile {
        RowProfile(name: command, callsPerRound: callsPerRound, confirmsStart: false, runsRealProgram: false)
    }

    /// `setpriv(1)`, given the numbers, so that it asks no name service.
    static func setpriv(_ account: JobAccount) -> CommandRow {
        CommandRow(
            account: account,
            command: "setpriv",
            options: [
                "--reuid", String(account.userID), "--regid", String(account.groupID),
                "--groups", account.groups.map(String.init).joined(separator: ","), "--",
            ],
            callsPerRound: 3
        )
    }

    /// `runuser(1)`, which opens a PAM session.
    static func runuser(_ account: JobAccount) -> CommandRow {
        CommandRow(account: account, command: "runuser", options: ["-u", account.name, "--"], callsPerRound: 2)
    }

    func spawn(_ program: JobProgram, calls: Int) throws -> [SpawnTiming] {
        guard let path = Subprogram.find(command) else {
            throw BenchmarkError("\(command) is not installed: apt-get install util-linux")
        }
        return try unsafe StringVector.withVectors(
            [command] + options + [program.path] + program.arguments,
            account.environmentStrings
        ) { arguments, environment in
            try (0..<calls)
                .map { _ in
                    let begin = MonotonicClock.nanoseconds
                    let process = try unsafe Subprogram.start(path, arguments, environment)
                    let returned = MonotonicClock.nanoseconds
                    let status = try Subprogram.wait(for: process)
                    let reaped = MonotonicClock.nanoseconds
                    try requireSuccess(status, of: program)
                    return SpawnTiming(begin: begin, returned: returned, reaped: reaped)
                }
        }
    }
}
