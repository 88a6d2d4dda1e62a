/// A program that switches to the account and then becomes the job, started with `posix_spawn(3)`: the fastest way a
/// daemon has to use it.
struct CommandRow: SynchronousRow {
    let account: JobAccount

    /// The program.
    let command: String

    /// Its arguments in front of those of the job.
    let options: [String]

    let callsPerRound: Int

    /// The name in the table; that of the program unless set.
    var name: String?

    /// Whether it is compared with a row of the library that does the same, by the same program.
    var isCounterpart = false

    var profile: RowProfile {
        RowProfile(
            name: name ?? command,
            callsPerRound: callsPerRound,
            confirmsStart: false,
            isRequired: !isCounterpart,
            runsRealProgram: isCounterpart
        )
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

    /// `sudo(8)` by itself, for a daemon that has a rule.
    static func sudo(_ account: JobAccount) -> CommandRow {
        CommandRow(
            account: account,
            command: "sudo",
            options: ["-n", "-u", "#\(account.userID)", "--"],
            callsPerRound: 3,
            name: "sudo -u",
            isCounterpart: true
        )
    }

    func spawn(_ program: JobProgram, calls: Int) throws -> [SpawnTiming] {
        guard let path = Subprogram.find(command) else {
            throw BenchmarkError("\(command) is not installed: apt-get install util-linux sudo")
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
