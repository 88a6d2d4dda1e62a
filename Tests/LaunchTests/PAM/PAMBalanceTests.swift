import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan
@testable import LaunchProtocol

@Suite("Every session that was opened is closed, as root,", .testBed)
struct PAMBalanceTests {
    private let sleeper = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))

    /// That each session of a service was opened and closed by root, and closed as often as opened.
    private func expectBalance(_ service: PAMService, _ count: Int = 1) {
        let stages = service.stages
        for stage in ["cred", "open", "close", "uncred"] {
            #expect(stages.filter { $0 == stage }.count == count, "\(stages)")
        }
        #expect(service.records.allSatisfy { $0.userID == 0 })
    }

    /// The process that has opened the last session.
    private func monitor(_ service: PAMService) throws -> pid_t {
        try #require(service.records.last { $0.stage == "open" }).process
    }

    @Test("when the job exits, fails or crashes, before its end is told")
    func ends() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: service.policy)
        for (count, script) in ["exit 0", "exit 3", "kill -SEGV $$", "kill -KILL $$"].enumerated() {
            _ = try await runScript(script, as: TestBed.alice.identity, PAMLauncher(helper, service))
            expectBalance(service, count + 1)
        }
    }

    @Test("when the program cannot be executed, or the working directory not be entered")
    func doesNotStart() async throws {
        let session = try ScriptedSession("*:info=x")
        let service = session.service
        let missing = try await session.error(Command(.path("/no/such/program")))
        #expect(missing.code == .executableNotStarted)
        try await service.waitForClose()
        expectBalance(service)
        var command = Command(.path("/bin/true"))
        command.workingDirectory = .path("/root-only-or-missing")
        _ = try await session.error(command)
        try await service.waitForClose(2)
        expectBalance(service, 2)
    }

    @Test("when the process that keeps it is told to end, and the job with it")
    func monitorIsTold() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: service.policy)
        let process = try await PAMLauncher(helper, service).launch(sleeper, as: TestBed.alice.identity)
        #expect(kill(try monitor(service), SIGTERM) == 0)
        #expect(try await process.exitReport().status == .signaled(.terminate, coreDumped: false))
        expectBalance(service)
    }

    @Test("when the helper is stopped, and when it is killed", arguments: [SIGTERM, SIGKILL])
    func helperEnds(_ signal: Int32) async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: service.policy)
        let process = try await PAMLauncher(helper, service).launch(sleeper, as: TestBed.alice.identity)
        helper.stop(signal)
        #expect(try await process.exitReport().status == .signaled(.terminate, coreDumped: false))
        try await service.waitForClose()
        expectBalance(service)
    }

    @Test("when the daemon goes, and the job with it")
    func daemonEnds() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: service.policy)
        await #expect(processExitsWith: .success) {
            [socket = helper.socket.string as String, name = service.name as String] in
            let launcher = PAMLauncher(through: SystemHelperLauncher(socket: FilePath(socket)), service: name)
            let command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
            _ = try await launcher.launch(command, as: TestBed.alice.identity)
        }
        try await service.waitForClose()
        expectBalance(service)
    }

    @Test(
        "when the launch is cancelled in the middle of a step, and when a running job is ended",
        arguments: [
            ("account", ["account"]), ("cred", ["account", "cred", "uncred"]),
            ("open", ["account", "cred", "open", "close", "uncred"]),
        ]
    )
    func cancellation(step: String, stages: [String]) async throws {
        let service = try PAMService(scripted: "\(step):wait=GATE")
        let helper = try RunningHelper(policy: service.policy)
        let launcher = PAMLauncher(helper, service)
        let alice = try await TestBed.alice.identity
        let launch = Task { () async -> LaunchError.Code? in
            do throws(LaunchError) {
                _ = try await launcher.launch(sleeper, as: alice)
                return nil
            } catch {
                return error.code
            }
        }
        while !service.stages.contains(step) { try await Task.sleep(for: .milliseconds(1)) }
        launch.cancel()
        try await Task.sleep(for: .milliseconds(20))
        try service.openGate()
        #expect(await launch.value == .cancelled)
        // It is heard before the next step, and what was begun is taken back.
        let deadline = ContinuousClock.now + ample
        while service.stages.count < stages.count, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(1))
        }
        #expect(service.stages == stages)

        let process = try await launcher.launch(sleeper, as: alice)
        _ = try await process.terminate(gracePeriod: .zero)
        #expect(service.stages.dropFirst(stages.count) == ["account", "cred", "open", "close", "uncred"])
        #expect(service.records.allSatisfy { $0.userID == 0 })
    }

    @Test("once what the job has left is gone as well, where jobs have cgroups", .controlGroups)
    func remainder() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: service.policy + ["control-groups = \(TestBed.controlGroups)"])
        let command = patient(Command(.path("/bin/sh"), arguments: ["-c", "setsid sleep 100000 & exit 3"]))
        let process = try await PAMLauncher(helper, service).launch(command, as: TestBed.alice.identity)
        #expect(try await process.exitReport().status == .exited(3))
        #expect(!service.stages.contains("close"))
        _ = try await process.terminate(gracePeriod: .zero)
        try await service.waitForClose()
        expectBalance(service)
    }

    @Test("when a job that has outlived its daemon ends, also for a daemon that has taken it over")
    func keptJob() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let (helper, reference) = try await leaveJob(behind: service, "exec sleep 100000")
        #expect(!service.stages.contains("close"))
        let adopted = try await PAMLauncher(helper, service).adopt(reference, as: TestBed.alice.identity)
        #expect(adopted.report.backend == .pam)
        #expect(!service.stages.contains("close"))
        #expect(try await !adopted.terminate(gracePeriod: .zero).status.isSuccess)
        expectBalance(service)
    }

    @Test(
        "but for one that hangs: the launch fails in time and by name, what modules have started ends, and others are served"
    )
    func hanging() async throws {
        for (stage, step) in [
            ("account", LaunchStep.checkAccount), ("cred", .establishCredentials), ("open", .openSession),
        ] {
            // What its programs have left is no child of anybody's any more.
            let script = freshPath("orphan-maker")
            try writeFile("#!/bin/sh\n/bin/sleep 100000 &\n", to: script)
            try #require(unsafe chmod(script.string, 0o755) == 0)
            let service = try PAMService(
                scripted: "\(stage):run=/bin/sleep",
                "\(stage):run=\(script)",
                "\(stage):hang="
            )
            let quick = try PAMService(scripted: "*:info=x")
            let helper = try RunningHelper(policy: ["peers = 0", "pam-services = \(service.name) \(quick.name)"])
            var command = Command(.path("/bin/true"))
            command.startDeadline = .milliseconds(700)
            let begin = ContinuousClock.now
            let (slow, alice) = (PAMLauncher(helper, service), try await TestBed.alice.identity)
            async let hung = launchError(command, as: alice, slow)
            let other = try await run(
                Command(.path("/bin/true")),
                as: TestBed.alice.identity,
                PAMLauncher(helper, quick)
            )
            #expect(other.exit.status == .exited(0))
            let error = try await hung
            #expect(error.code == .deadlineExceeded)
            #expect(error.step == step)
            #expect(error.message.contains("the PAM service \(service.name) did not answer in time"))
            #expect(ContinuousClock.now - begin < ample)
            let process = try #require(service.records.last).process
            while ProcessStart.time(of: process) != nil { try await Task.sleep(for: .milliseconds(2)) }
            // They were killed before, and take their time to go.
            let patience = ContinuousClock.now + .seconds(30)
            while try !sleepers().isEmpty, ContinuousClock.now < patience {
                try await Task.sleep(for: .milliseconds(2))
            }
            #expect(try sleepers().isEmpty)
        }
    }

    @Test("but for one that hangs and hears no signal: it is killed")
    func deaf() async throws {
        let service = try PAMService(scripted: "open:hang=deaf")
        let helper = try RunningHelper(policy: service.policy)
        var command = Command(.path("/bin/true"))
        command.startDeadline = .milliseconds(300)
        let error = try await launchError(command, as: TestBed.alice.identity, PAMLauncher(helper, service))
        #expect([.helperLost, .deadlineExceeded].contains(error.code))
        let process = try #require(service.records.last).process
        while ProcessStart.time(of: process) != nil { try await Task.sleep(for: .milliseconds(2)) }
    }

    @Test("and a job whose session hangs at its end has ended all the same")
    func hangingClose() async throws {
        let service = try PAMService(scripted: "close:hang=")
        let helper = try RunningHelper(policy: service.policy)
        let result = try await runScript("exit 5", as: TestBed.alice.identity, PAMLauncher(helper, service))
        #expect(result.exit.status == .exited(5))
    }

    @Test("and a job that nobody has asked for has its end kept, also when a module hangs over that of its session")
    func hangingCloseOfKeptJob() async throws {
        let service = try PAMService(scripted: "close:hang=")
        let gate = freshPath("gate")
        let (helper, reference) = try await leaveJob(behind: service, Self.waiting(for: gate))
        try writeFile("", to: gate)
        try await wait { service.stages.contains("close") }
        #expect(try await ending(of: reference, helper, service) == .exited(9))
        #expect(helper.log.contains("could not be closed"))
    }

    @Test("and a job has its end kept when its daemon goes while a module hangs over that of its session")
    func daemonGoesMeanwhile() async throws {
        let service = try PAMService(scripted: "close:hang=")
        let helper = try RunningHelper.keepingJobs(policy: ["pam-services = \(service.name)"])
        let client = try RawClient(helper)
        try client.greet()
        try client.order {
            $0.executables = ["/bin/sh"]
            $0.arguments = ["sh", "-c", "exit 9"].map { Array($0.utf8) }
            $0.endsWithDaemon = false
            $0.startDeadlineMilliseconds = 300_000
            $0.session = SessionOrder(service: Array(service.name.utf8), authenticates: false)
        }
        guard case .message(.started(let report)) = try client.reply() else {
            Issue.record("the job was not started")
            return
        }
        try await wait { service.stages.contains("close") }
        client.close()
        let reference = JobReference(
            processID: report.processID,
            startTime: 0,
            bootID: ProcessStart.bootID,
            adoptionSocket: try #require(report.adoptionSocket?.string)
        )
        #expect(try await ending(of: reference, helper, service) == .exited(9))
    }

    @Test(
        "and a job has its end kept when what closes its session hangs in the kernel, and cannot be killed",
        .enabled(if: TestBed.hasMachineRoot, "mounts a file system")
    )
    func standingClose() async throws {
        let page = try HeldPage(of: TestBed.alice)
        let (pipe, holder) = try await page.heldPipe()
        // First, or the close here waits as well.
        defer {
            page.release()
            pipe.closeNow()
        }
        // Whoever opens a pipe waits for who is in the middle of it, and no signal changes that.
        let service = try PAMService(scripted: "close:environ=/proc/\(holder.processID.rawValue)/fd/1")
        let gate = freshPath("gate")
        let (helper, reference) = try await leaveJob(behind: service, Self.waiting(for: gate))
        try writeFile("", to: gate)
        try await wait { service.stages.contains("close") }
        #expect(try await ending(of: reference, helper, service) == .exited(9))
        #expect(helper.log.contains("the process that closes it stands in the kernel"))
    }

    /// A script that ends when there is a file.
    private static func waiting(for gate: FilePath) -> String {
        "while ! [ -e \(gate) ]; do sleep 0.01; done; exit 9"
    }

    /// How a kept job has ended, by whoever asks until somebody answers: the helper may wait longer for the end of a session than
    /// one who asks does for an answer.
    private func ending(
        of reference: JobReference,
        _ helper: RunningHelper,
        _ service: PAMService
    ) async throws -> TerminationStatus? {
        let alice = try await TestBed.alice.identity
        let deadline = ContinuousClock.now + ample
        while ContinuousClock.now < deadline {
            do throws(LaunchError) {
                return try await PAMLauncher(helper, service).adopt(reference, as: alice).exitReport().status
            } catch {
                try #require(error.code == .deadlineExceeded, "\(error)")
            }
        }
        return nil
    }

    @Test("and no module leaves the process as somebody else")
    func becomesAnother() async throws {
        for stage in ["account", "open"] {
            let error = try await ScriptedSession("\(stage):become=2002").error()
            #expect(error.code == .sessionFailed)
            #expect(error.sessionRefusal?.text.contains("as another user") == true)
        }
    }

    /// A job that has outlived its daemon, and the helper that has it.
    private func leaveJob(
        behind service: PAMService,
        _ script: String
    ) async throws -> (helper: RunningHelper, reference: JobReference) {
        let directory = FilePath("\(TestBed.directory)/adoption-\(UInt32.random(in: 0...UInt32.max))")
        try #require(unsafe mkdir(directory.string, 0o755) == 0)
        let helper = try RunningHelper(
            policy: service.policy + ["when-daemon-ends = keep-allowed"],
            arguments: ["--adoption-directory", directory.string]
        )
        let note = freshPath("reference").string
        await #expect(processExitsWith: .success) {
            [
                socket = helper.socket.string as String, name = service.name as String, note = note as String,
                script = script as String
            ] in
            let launcher = PAMLauncher(through: SystemHelperLauncher(socket: FilePath(socket)), service: name)
            var command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
            command.daemonEnd = .goOn
            let process = try await launcher.launch(command, as: TestBed.alice.identity)
            try writeFile(
                String(decoding: try JSONEncoder().encode(process.reference), as: UTF8.self),
                to: FilePath(note)
            )
        }
        let text = try ProcFile.read(FilePath(note))
        return (helper, try JSONDecoder().decode(JobReference.self, from: Data(text.utf8)))
    }

    /// Processes that a module of these tests has started.
    private func sleepers() throws -> [Int32] {
        try ProcFile.processes()
            .filter { process in
                (try? ProcFile.read(FilePath("/proc/\(process)/cmdline"))) == "/bin/sleep\0100000\0"
                    && (try? ProcFile.read(FilePath("/proc/\(process)/status")))?.contains("Uid:\t0\t0\t0\t0") == true
            }
    }
}
