import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let refusalRequirements: [Requirement] = [
        Requirement("a program that is not there, or that may not be run, is an error that says so") { subject in
            let missing = try await subject.mustRefuse(
                Command(.path("/nonexistent/program")),
                "a program that is not there",
                because: .executableNotStarted,
                at: .execute
            )
            try require("the error number", missing.errno, is: .noSuchFileOrDirectory)
            let isNamed = missing.message.contains("/nonexistent/program")
            try require(isNamed, "the error does not name the program: \(missing)")
            let noProgram = try await subject.mustRefuse(
                Command(.path("/etc/passwd")),
                "a file that is no program",
                because: .executableNotStarted,
                at: .execute
            )
            try require("the error number", noProgram.errno, is: .permissionDenied)
        },
        Requirement("a zero byte in an argument is an error, never the end of the argument") { subject in
            try await subject.mustRefuse(
                Command(.path("/bin/echo"), arguments: ["a\0b"]),
                "an argument with a zero byte",
                because: .invalidCommand
            )
        },
        Requirement("a launch that does not come in time is given up, and nothing runs") { subject in
            try await subject.withScratch { path in
                let marker = path.string + ".marker"
                let program = path.string + ".program"
                // Whoever executes it waits until the lease is broken, 45 seconds (`fs.lease-break-time`).
                let lease = try HeldProgram(copyOf: LauncherUnderTest.shell, at: FilePath(program))
                defer { lease.remove() }
                var command = Command(.path(FilePath(program)), arguments: ["-c", #": >"$0""#, marker])
                command.startDeadline = .seconds(1)
                let begin = ContinuousClock.now
                try await subject.mustRefuse(command, "a program that is held back", because: .deadlineExceeded)
                let time = ContinuousClock.now - begin
                try require(time >= .milliseconds(900), "a deadline of one second was \(time)")
                lease.release()
                try await mustNotHaveRun(subject, FilePath(marker))
            }
        },
        Requirement("a launch of a task that is cancelled does not happen") { subject in
            try await subject.withScratch { path in
                let command = LauncherUnderTest.script(#": >"$1""#, path.string)
                let launch = Task {
                    while !Task.isCancelled { await Task.yield() }
                    try await subject.mustRefuse(command, "a launch of a cancelled task", because: .cancelled)
                }
                launch.cancel()
                _ = try await launch.value
                try await mustNotHaveRun(subject, path)
            }
        },
        // One that is cancelled in its very exec may have run for the moment it took to kill it.
        Requirement("a launch that is cancelled at any moment is given up for good, or returns a job that runs") {
            subject in
            try await subject.withScratch { path in
                _ = try await subject.run(Command(.path("/bin/mkdir"), arguments: [path.string]))
                var returned: Set<String> = []
                for number in 0..<20 {
                    let command = LauncherUnderTest.script(
                        #"cd "$1"; sleep 0.3; : >"$2"; exit 3"#,
                        path.string,
                        "\(number)"
                    )
                    let launch = Task { try await subject.launch(command) }
                    try await Task.sleep(for: .microseconds(100 * number))
                    launch.cancel()
                    do {
                        let process = try await launch.value
                        try require("the end", try await process.exitReport().status, is: .exited(3))
                        returned.insert("\(number)")
                    } catch let error as LaunchError {
                        try require("the code of a cancelled launch (\(error))", error.code, is: .cancelled)
                    }
                }
                let job = try await subject.run(LauncherUnderTest.script(#"sleep 1; ls "$1""#, path.string))
                try require("the jobs that came to their end, of those returned", Set(job.lines), is: returned)
            }
        },
        Requirement("an identity that the backend is not for is refused") { subject in
            let identity = subject.identity
            let misfit = try await ExecutionIdentity.forTesting(
                account: identity.account,
                login: identity.login,
                mode: identity.method == .switchAccount ? .desktop : .user
            )
            try require(misfit.method != identity.method, "no identity that does not fit could be made")
            try await subject.withScratch { path in
                let command = LauncherUnderTest.script(#": >"$1""#, path.string)
                try await subject.mustRefuse(
                    command,
                    as: misfit,
                    "an identity with the method \(misfit.method)",
                    because: .unsuitableBackend
                )
                try await mustNotHaveRun(subject, path)
            }
        },
    ]

    /// Looks for the trace of a job, as its account: what was given up may need a moment to be seen.
    private static func mustNotHaveRun(_ subject: LauncherUnderTest, _ path: FilePath) async throws {
        let job = try await subject.finish(LauncherUnderTest.script(#"sleep 0.2; test -e "$1""#, path.string))
        try require("the test for a trace of the refused job", job.exit.status, is: .exited(1))
    }
}
