import Faults
import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// The proofs of ``LaunchClaim``.
struct LaunchClaims {
    let launcher: any ProcessLauncher

    private func probe(
        _ arguments: [String] = [],
        as person: TestBed.Person = TestBed.alice,
        configure: (inout Command) -> Void = { _ in }
    ) async throws -> ProbeReport {
        var command = Command(.path(FilePath(TestBed.probe)), arguments: arguments)
        configure(&command)
        let result = try await run(command, as: person.identity, launcher)
        try #require(
            result.exit.status == .exited(0),
            "the probe ended with \(result.exit.status): \(result.exit.standardError?.text ?? "")"
        )
        return try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
    }

    func identity() async throws {
        for person in TestBed.people {
            let report = try await probe(as: person)
            #expect(report.userID == .all(person.userID))
            #expect(report.groupID == .all(person.groupID))
            #expect(report.groups == person.groups)
            #expect(report.capabilities.withoutBounding == .none)
            #expect(report.noNewPrivileges)
            #expect(report.secureBits == 0)
        }
    }

    func noWayBack() async throws {
        let report = try await probe(["--regain-root"])
        #expect(!report.attempts.isEmpty)
        #expect(report.successfulAttempts == [])
    }

    func daemonOutOfReach() async throws {
        // By its number the process is its first thread, which has ended, and has no memory any more.
        let targets = [DaemonState.witness, getpid()]
        // With the flag set the ids alone keep it out of reach.
        for dumpable: Int32 in [1, 0] {
            try #require(process_set_dumpable(dumpable) == 0)
            let report = try await probe(
                (["parent"] + targets.map(String.init)).flatMap { ["--read-parent-memory", $0] }
            )
            Attack.expectRefused(DaemonState.witness, in: report)
            Attack.expectRefused(report.parent, in: report)
            #expect(report.attempts.contains { $0.target == getpid() })
            #expect(report.successfulAttempts == [])
            // A process of the helper: the job is its child.
            if launcher is SystemHelperLauncher || launcher is PAMLauncher { #expect(report.parent != getpid()) }
        }
    }

    func daemonUntouched() async throws {
        let isDirect = (launcher as? SetUIDLauncher)?.isolation == .direct
        // A change of ids would make the process what fs.suid_dumpable says, which may be either.
        for dumpable: Int32 in [1, 0] {
            try #require(process_set_dumpable(dumpable) == 0)
            let before = try await DaemonState.atRest()
            for _ in 0..<5 {
                let result = try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
                #expect(result.exit.status == .exited(0))
            }
            // That is what direct mode gives up, and says so.
            let expected: Set<String> = isDirect && dumpable == 1 ? ["dumpable"] : []
            let changes = try await before.changes(awaiting: expected)
            #expect(changes == expected, "\(before.account(of: DaemonState()))")
        }
    }

    func session() async throws {
        let report = try await probe()
        #expect(report.sessionLeader)
        #expect(report.session == report.process)
        #expect(report.processGroup == report.process)
        #expect(report.controllingTerminal == 0)
        #expect(report.sessionKeyring?.hasSuffix(";_ses") == true)
    }

    func terminalOfDaemon() async throws {
        let terminal = try DaemonTerminal(isControlling: true)
        try #require(dup2(terminal.slave.rawValue, STDIN_FILENO) == STDIN_FILENO)
        func expectRefused(_ report: ProbeReport, but permitted: [String] = []) {
            #expect(report.successfulAttempts == permitted)
            let pushed = report.attempts.filter { $0.call.hasPrefix("ioctl(TIOCSTI)") }
            #expect(pushed.count == 2)
            // EIO where nobody may push anything any more (`dev.tty.legacy_tiocsti`).
            #expect(pushed.allSatisfy { [EPERM, EIO].contains($0.error) }, "\(pushed)")
            #expect(!terminal.hasInput)
        }
        let inherited = try await probe(["--attack-terminal", "0"]) { $0.standardInput = .inherit }
        #expect(inherited.descriptor(0)?.target?.hasPrefix("/dev/pts/") == true)
        #expect(inherited.controllingTerminal == 0)
        expectRefused(inherited)

        let output = freshPath("probe-output")
        var command = patient(
            Command(.path(FilePath(TestBed.probe)), arguments: ["--output", output.string, "--attack-terminal", "3"])
        )
        command.terminal = .pseudoterminal(rows: 24, columns: 80)
        command.extraDescriptors = [ExtraDescriptor(name: "OTHER", descriptor: terminal.slave)]
        do {
            let process = try await launcher.launch(command, as: TestBed.alice.identity)
            #expect(try await process.exitReport().status == .exited(0))
            let own = try ProbeReport(json: Array(ProcFile.read(output).utf8))
            #expect(own.descriptor(3)?.target == inherited.descriptor(0)?.target)
            expectRefused(own, but: ["open(/dev/tty)"])
        } catch let error as LaunchError {
            // A helper with two capabilities gives no terminals away.
            #expect(error.message.contains("CAP_CHOWN"))
            #expect((launcher as? SystemHelperLauncher)?.helperUserIDs == [UserID(RunningHelper.account)])
        }
        try terminal.type("x")
        #expect(try await isSoon { terminal.hasInput })
    }

    func descriptors() async throws {
        let own = (0..<100).map { _ in unsafe open("/etc/passwd", O_RDONLY) }
        defer { for descriptor in own { close(descriptor) } }
        let report = try await probe()
        #expect(report.descriptors.map(\.number) == [0, 1, 2])
        #expect(report.descriptor(0)?.target == "/dev/null")
    }

    func extraDescriptors() async throws {
        let pipes = try (0..<5).map { _ in try FileDescriptor.pipe() }
        defer {
            for pipe in pipes {
                try? pipe.readEnd.close()
                try? pipe.writeEnd.close()
            }
        }
        let report = try await probe { command in
            command.extraDescriptors = pipes.enumerated()
                .map { ExtraDescriptor(name: "EXTRA_\($0)", descriptor: $1.writeEnd) }
        }
        #expect(report.descriptors.map(\.number) == Array(0...7))
        #expect(
            (3...7).allSatisfy { report.descriptor($0)?.type == "pipe" && report.descriptor($0)?.closeOnExec == false }
        )
        #expect(report.environment.contains("EXTRA_4=7"))
    }

    func argumentsAndEnvironment() async throws {
        let arguments = ["--", "", "a b", "$(id)", "`id`;|&<>", "ü\u{1F3AC}", "line\nline", "-e", "#0"]
        let report = try await probe(arguments) { command in
            command.environment = .export(["SHOT": "sh\"010\n", "LD_PRELOAD": "/tmp/x.so"])
        }
        #expect(Array(report.arguments.dropFirst()) == arguments)
        #expect(report.environment.contains("SHOT=sh\"010\n"))
        #expect(report.environment.count == 6)
        #expect(!report.environment.contains { $0.hasPrefix("LD_") })
    }

    func largeArguments() async throws {
        let value = String(repeating: "v", count: 100_000)
        var command = Command(.path("/bin/sh"), arguments: ["-c", "env | wc -c"])
        command.environment = .export(Dictionary(uniqueKeysWithValues: (0..<18).map { ("V\($0)", value) }))
        let result = try await run(command, as: TestBed.alice.identity, launcher)
        let count = try #require(Int(result.text.filter(\.isNumber)))
        #expect(count > 1_800_000)
        let words = ["-c", "echo $#", "sh"] + Array(repeating: "x", count: 100_000)
        let many = try await run(Command(.path("/bin/sh"), arguments: words), as: TestBed.alice.identity, launcher)
        #expect(many.text == "100000\n")
    }

    func tooLargeArguments() async throws {
        var command = Command(.path("/bin/true"))
        let value = String(repeating: "v", count: 100_000)
        command.environment = .export(Dictionary(uniqueKeysWithValues: (0..<30).map { ("V\($0)", value) }))
        let error = try await launchError(command, as: TestBed.alice.identity, launcher)
        #expect(error.errno == .argListTooLong)
        #expect(error.code == .executableNotStarted)
    }

    func place() async throws {
        #expect(try await probe().workingDirectory == TestBed.alice.home)
        let elsewhere = try await probe { $0.workingDirectory = .path("/usr") }
        #expect(elsewhere.workingDirectory == "/usr")
        var hidden = Command(.path("/bin/true"))
        hidden.workingDirectory = .path("/bed/private")
        let error = try await launchError(hidden, as: TestBed.alice.identity, launcher)
        #expect(error.step == .workingDirectory)
        #expect(error.errno == .permissionDenied)
    }

    func hygiene() async throws {
        let report = try await probe { $0.resourceLimits[.openFiles] = ResourceLimits.Limit(soft: 77) }
        #expect(report.signals.blocked == [])
        #expect(report.signals.dispositions.allSatisfy { $0 == "default" })
        #expect(report.umask == 0o022)
        #expect(report.nice == 0)
        #expect(report.limits["openFiles"]?.soft == 77)
        #expect(report.limits["core"]?.soft == 0)
    }

    func streams() async throws {
        var command = Command(.path("/bin/sh"), arguments: ["-c", "cat; echo wrong >&2"])
        command.standardInput = .bytes(Array("right".utf8))
        let result = try await run(command, as: TestBed.alice.identity, launcher)
        #expect(result.text == "right")
        #expect(result.exit.standardError?.text == "wrong\n")
    }

    func files() async throws {
        let path = freshPath("as-the-account")
        var command = Command(.path("/bin/sh"), arguments: ["-c", "echo out; echo err >&2"])
        command.standardOutput = .file(path)
        command.standardError = .standardOutput
        let process = try await launcher.launch(patient(command), as: TestBed.alice.identity)
        #expect(try await process.exitReport().status == .exited(0))
        var status = stat()
        #expect(unsafe stat(path.string, &status) == 0)
        #expect(status.st_uid == TestBed.alice.userID)
        #expect(status.st_size == 8)
    }

    func forbiddenFile() async throws {
        var command = Command(.path("/bin/true"))
        command.standardOutput = .file("/bed/private/secret")
        let error = try await launchError(command, as: TestBed.alice.identity, launcher)
        #expect(error.step == .openStream)
        #expect(error.errno == .permissionDenied)
        #expect(error.account?.spelling == "alice")
    }

    func exitStatus() async throws {
        for code: Int32 in [0, 1, 125, 126, 127, 255] {
            let script = Command(.path("/bin/sh"), arguments: ["-c", "exit \(code)"])
            #expect(try await run(script, as: TestBed.bob.identity, launcher).exit.status == .exited(code))
        }
        let killed = Command(.path("/bin/sh"), arguments: ["-c", "kill -9 $$"])
        #expect(
            try await run(killed, as: TestBed.bob.identity, launcher).exit.status == .signaled(.kill, coreDumped: false)
        )
    }

    func missingProgram() async throws {
        let error = try await launchError(Command(.path("/no/such")), as: TestBed.bob.identity, launcher)
        #expect(error.code == .executableNotStarted)
        #expect(error.step == .execute)
        #expect(error.errno == .noSuchFileOrDirectory)
        #expect(error.message.contains("/no/such"))
    }

    func signals() async throws {
        for target in [SignalTarget.process, .group, .tree] {
            var command = Command(.path("/bin/sleep"), arguments: ["1000"])
            command.standardError = .captured(limit: 100)
            let process = try await launcher.launch(patient(command), as: TestBed.alice.identity)
            try process.send(.interrupt, to: target)
            #expect(try await process.exitReport().status == .signaled(.interrupt, coreDumped: false))
            #expect(throws: Errno.noSuchProcess) { try process.send(.kill, to: target) }
        }
    }

    func termination() async throws {
        let (process, time) = try await stubborn()
        try await expectEnd(process.terminate(gracePeriod: .milliseconds(50)), of: time)
    }

    func timeout() async throws {
        let (process, time) = try await stubborn()
        let report = try await process.exitReport(terminatingAfter: .milliseconds(50), gracePeriod: .milliseconds(50))
        #expect(report.interruption == .timeout)
        try await expectEnd(report, of: time)
        // Who only waits is told the same end, and not that he has made it.
        #expect(try await process.exitReport().status == report.status)
        #expect(try await process.exitReport().interruption == nil)

        let quick = try await launcher.launch(
            patient(Command(.path("/bin/sh"), arguments: ["-c", "trap 'exit 9' TERM; exit 3"])),
            as: TestBed.alice.identity
        )
        #expect(try await quick.exitReport(terminatingAfter: ample, gracePeriod: .zero) == quick.exitReport())
        #expect(try await quick.exitReport().status == .exited(3))
        // No time at all is enough for an end that is known.
        #expect(try await quick.exitReport(terminatingAfter: .zero, gracePeriod: .zero) == quick.exitReport())
    }

    func cancellation() async throws {
        let (process, time) = try await stubborn()
        let waiting = Task { try await process.exitReport(gracePeriod: .milliseconds(50)) }
        waiting.cancel()
        let report = try await waiting.value
        #expect(report.interruption == .cancellation)
        try await expectEnd(report, of: time)
        let late = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await process.exitReport(terminatingAfter: .zero, gracePeriod: .zero)
        }
        late.cancel()
        #expect(try await late.value == process.exitReport())
    }

    func anyTime() async throws {
        // The policy of a helper says how long a start may take there.
        let isLimited = launcher is SystemHelperLauncher || launcher is PAMLauncher
        let person = try await TestBed.alice.identity
        for time in [Duration.seconds(Int64.max), .nanoseconds(Int64.max)] {
            var command = Command(.path("/bin/sh"), arguments: ["-c", "exit 3"])
            command.startDeadline = time
            if isLimited {
                await #expect { _ = try await launcher.launch(command, as: person) } throws: {
                    ($0 as? LaunchError)?.code == .refused
                }
                command.startDeadline = ample
            }
            let process = try await launcher.launch(command, as: person)
            let report = try await process.exitReport(terminatingAfter: time, gracePeriod: time)
            #expect(report.status == .exited(3))
        }
        for time in [Duration.seconds(Int64.min), .nanoseconds(Int64.min)] {
            let process = try await launcher.launch(
                patient(Command(.path("/bin/sleep"), arguments: ["1000"])),
                as: TestBed.alice.identity
            )
            #expect(try await process.terminate(gracePeriod: time).status != .exited(0))
        }
    }

    private func expectEnd(_ report: ExitReport, of time: Int) async throws {
        #expect(report.status == .signaled(.kill, coreDumped: false))
        #expect(report.remainingProcesses == 0)
        for _ in 0..<500 where !sleepers(time).isEmpty { try await Task.sleep(for: .milliseconds(10)) }
        #expect(sleepers(time) == [])
    }

    /// Starts a job that ends for nobody who is polite: whoever leaves session and descent is found by a cgroup alone
    /// (``ControlGroupTests``).
    ///
    /// - Returns: The job, and how long the processes sleep that it has started.
    private func stubborn() async throws -> (LaunchedProcess, Int) {
        let ready = freshPath("ready")
        // Told from what other tests leave behind by the time they sleep.
        let time = 100_000 + Int.random(in: 0..<100_000)
        // Ignores SIGTERM, leaves a child in the session and one in a session of its own.
        let script =
            "trap '' TERM; sleep \(time) & setsid sleep \(time) & sleep 0.1; echo $! > \(ready); "
            + "while :; do sleep 1; done"
        let process = try await launcher.launch(
            patient(Command(.path("/bin/sh"), arguments: ["-c", script])),
            as: TestBed.alice.identity
        )
        while (try? ProcFile.read(ready))?.isEmpty ?? true { try await Task.sleep(for: .milliseconds(5)) }
        return (process, time)
    }

    /// The processes of the script above that are not zombies.
    private func sleepers(_ time: Int) -> [Int32] {
        ((try? ProcFile.processes()) ?? [])
            .filter { process in
                let command = (try? ProcFile.read(FilePath("/proc/\(process)/cmdline"))) ?? ""
                return command.hasPrefix("sleep\0\(time)")
            }
    }

    func usage() async throws {
        let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"
        let result = try await run(
            Command(.path("/bin/sh"), arguments: ["-c", script]),
            as: TestBed.alice.identity,
            launcher
        )
        let usage = try #require(result.exit.usage)
        #expect(usage.userTime + usage.systemTime > .zero)
        #expect(usage.wallTime > .zero)
    }

    func noPrivileges() async throws {
        let report = try await probe()
        #expect(report.noNewPrivileges)
        // su(1) is set-user-id on every host; as a job it stays the account's.
        let result = try await run(
            Command(.path("/bin/sh"), arguments: ["-c", "exec 2>&1; su root -c id </dev/null; id -u"]),
            as: TestBed.alice.identity,
            launcher
        )
        #expect(result.text.hasSuffix("2001\n"))
    }
}

extension ProbeReport.Capabilities {
    /// What the bounding set is depends on the daemon's right to empty it (`CAP_SETPCAP`).
    fileprivate var withoutBounding: Self {
        var copy = self
        copy.bounding = 0
        return copy
    }
}
