import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The probe", .testBed)
struct ProbeTests {
    /// The two signals that glibc keeps for itself, which its `posix_spawn(3)` leaves ignored in every child.
    private let glibcSignals = [32, 33]

    @Test("It reports a process as the kernel knows it")
    func reportsItself() async throws {
        let report = try await ReferenceLauncher.run(
            [TestBed.probe, "--", "one", ""],
            environment: ["A=1", "A=2", "B"]
        )
        #expect(report.arguments == [TestBed.probe, "--", "one", ""])
        #expect(report.argumentCount == 4)
        #expect(report.environment == ["A=1", "A=2", "B"])
        #expect(report.variables == ["A": "1", "B": ""])
        #expect(report.userID == .all(getuid()))
        #expect(report.groupID == .all(getgid()))
        #expect(report.sessionLeader)
        #expect(report.session == report.process)
        #expect(report.parent == getpid())
        #expect(report.controllingTerminal == 0)
        #expect(report.descriptors.map(\.number) == [0, 1, 2])
        #expect(report.descriptors.map(\.type) == ["character", "pipe", "pipe"])
        #expect(report.descriptors.map(\.access) == ["read", "write", "write"])
        #expect(report.descriptor(0)?.target == "/dev/null")
        #expect(report.signals.blocked.isEmpty)
        #expect(report.signals.ignored == glibcSignals)
        #expect(report.signals.caught.isEmpty)
        for (index, disposition) in report.signals.dispositions.enumerated() {
            #expect(disposition == (glibcSignals.contains(index + 1) ? "ignored" : "default"))
        }
        #expect(report.limits["openFiles"]?.soft != nil)
        #expect(report.attempts.isEmpty)
    }

    @Test("Bytes that are not UTF-8 are told exactly")
    func keepsBytes() async throws {
        // Swift strings cannot hold these bytes, so a shell makes them.
        let report = try await ReferenceLauncher.run(
            ["/bin/sh", "-c", #"exec "$0" -- "$(printf 'caf\303\251 \377\300\200\n\t"\\\n.')""#, TestBed.probe]
        )
        #expect(report.argumentBytes.last == "636166c3a920ffc0800a09225c0a2e")
        #expect(report.arguments.last == "café \u{FFFD}\u{FFFD}\u{FFFD}\n\t\"\\\n.")
    }

    @Test("A disposition and a mask that were inherited are told apart from the defaults")
    func seesInheritedSignals() async throws {
        let report = try await ReferenceLauncher.run(
            ["/usr/bin/env", "--ignore-signal=HUP", "--block-signal=USR1", TestBed.probe]
        )
        #expect(report.signals.ignored == [Int(SIGHUP)] + glibcSignals)
        #expect(report.signals.blocked == [Int(SIGUSR1)])
        #expect(report.signals.dispositions[Int(SIGHUP) - 1] == "ignored")
    }

    @Test(
        "Its own failure is status 70 with a reason",
        arguments: [["--exit", "x"], ["--nonsense"], ["--sleep", "-1"]]
    )
    func failsWithReason(arguments: [String]) async throws {
        let failure = await #expect(throws: ReferenceLauncher.Failure.self) {
            try await ReferenceLauncher.run([TestBed.probe] + arguments)
        }
        #expect(failure?.status == 70 << 8)
        #expect(failure?.standardError.isEmpty == false)
    }

    @Test(
        "It ends as it is told to",
        arguments: zip([["--exit", "9"], ["--signal", "15"]], [9 << 8, 15] as [Int32])
    )
    func endsAsTold(arguments: [String], status: Int32) async throws {
        let failure = await #expect(throws: ReferenceLauncher.Failure.self) {
            try await ReferenceLauncher.run([TestBed.probe] + arguments)
        }
        #expect(failure?.status == status)
    }

    @Test("As root every attack succeeds: a refusal elsewhere is the launcher's doing")
    func attacksWorkForRoot() async throws {
        let report = try await ReferenceLauncher.run([TestBed.probe, "--regain-root"])
        #expect(report.capabilities.effective != 0)
        #expect(report.attempts.count == 18)
        // Nobody undoes no_new_privs, and it is off here: the kernel takes only 1.
        #expect(report.attempts.filter { !$0.succeeded }.map(\.call) == ["prctl(PR_SET_NO_NEW_PRIVS, 0)"])
    }

    @Test("As root the memory of another process is open")
    func memoryIsOpenToRoot() async throws {
        let report = try await ReferenceLauncher.run(
            [
                "/bin/sh", "-c", #"sleep 60 & "$0" --read-parent-memory $!; status=$?; kill $!; exit $status"#,
                TestBed.probe,
            ]
        )
        #expect(report.attempts.count == 13)
        #expect(report.attempts.filter { !$0.succeeded } == [])
    }

    @Test("An account reaches the memory of its own processes: a refusal elsewhere is not for want of trying")
    func memoryIsOpenToItsAccount() async throws {
        let ready = freshPath("ready").string
        let command = Command(
            .path(FilePath(TestBed.probe)),
            arguments: ["--output", ready, "--be-traceable", "--write", "ready", "--sleep", "1000"]
        )
        var victim = patient(command)
        victim.standardOutput = .stream
        let process = try await SetUIDLauncher().launch(victim, as: TestBed.alice.identity)
        var output = try #require(process.standardOutput).makeAsyncIterator()
        _ = try await output.next()
        let number = "\(process.processID.rawValue)"
        let report = try await runProbe(["--read-parent-memory", number], as: TestBed.alice.identity)
        #expect(report.attempts.count == 13)
        #expect(report.attempts.filter { !$0.succeeded } == [])
        let foreign = try await runProbe(["--read-parent-memory", number], as: TestBed.bob.identity)
        #expect(foreign.attempts.count == 13)
        #expect(foreign.successfulAttempts == [])
        try await process.terminate(gracePeriod: .zero)
    }
}
