import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchProtocol

/// Jobs without a cgroup: what has left session and group, and has lost its parent, is known by nothing but the kernel, which
/// gives it to the process of the helper that looks after the job.
@Suite("A process of a job that has left its session and lost its parent", .testBed)
struct HelperOrphanTests {
    private static let everybody: [RunningHelper.Privileges] = [
        .root, .packaged, .packagedWithoutKill, .twoCapabilities,
    ]

    private func helper(_ privileges: RunningHelper.Privileges) throws -> (RunningHelper, SystemHelperLauncher) {
        let helper = try RunningHelper(privileges, policy: ["peers = 0"])
        let users: Set = [UserID(0), UserID(RunningHelper.account)]
        return (helper, SystemHelperLauncher(socket: helper.socket, helperUserIDs: users))
    }

    private func isGone(_ process: Int32) async throws -> Bool {
        try await isSoon(within: ample) { ProcessStart.time(of: process) == nil }
    }

    @Test("ends with its job that is ended, and has the signals for all of it", arguments: everybody)
    func terminated(_ privileges: RunningHelper.Privileges) async throws {
        let (helper, launcher) = try helper(privileges)
        defer { helper.stop() }
        let runaway = Runaway()
        let process = try await launcher.launch(runaway.command, as: TestBed.alice.identity)
        let number = try await runaway.process(of: process.processID.rawValue)
        try process.send(.stop, to: .tree)
        try await wait { try ProcessStat(of: number).state == UInt8(ascii: "T") }
        let report = try await process.terminate(gracePeriod: .zero)
        #expect(ProcessStart.time(of: number) == nil)
        #expect(report.remainingProcesses == 0)
    }

    @Test("ends with the first process of its job, before that is told", arguments: everybody)
    func leftBehind(_ privileges: RunningHelper.Privileges) async throws {
        let (helper, launcher) = try helper(privileges)
        defer { helper.stop() }
        let runaway = Runaway()
        let process = try await launcher.launch(runaway.command, as: TestBed.alice.identity)
        let number = try await runaway.process(of: process.processID.rawValue)
        try runaway.letGo()
        let report = try await process.exitReport()
        #expect(report.status == .exited(0))
        #expect(ProcessStart.time(of: number) == nil)
    }

    @Test("ends with the helper that is told to end, also where it is deaf", arguments: everybody)
    func helperStops(_ privileges: RunningHelper.Privileges) async throws {
        let (helper, launcher) = try helper(privileges)
        let runaway = Runaway()
        let command = patient(Command(.path("/bin/sh"), arguments: ["-c", runaway.script(isDeaf: true)]))
        let process = try await launcher.launch(command, as: TestBed.alice.identity)
        let number = try await runaway.process(of: process.processID.rawValue)
        helper.stop(SIGTERM)
        #expect(try await isGone(number))
    }

    @Test("ends with its daemon")
    func daemonEnds() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let client = try RawClient(helper)
        try client.greet()
        let runaway = Runaway()
        try client.order {
            $0.executables = ["/bin/sh"]
            $0.arguments = ["sh", "-c", runaway.script()].map { Array($0.utf8) }
            $0.startDeadlineMilliseconds = 300_000
        }
        guard case .message(.started(let report)) = try client.reply() else {
            Issue.record("the job was not started")
            return
        }
        let number = try await runaway.process(of: report.processID)
        client.close()
        #expect(try await isGone(number))
    }

    @Test("ends with its job that another daemon has taken over")
    func adopted() async throws {
        let helper = try RunningHelper.keepingJobs()
        let runaway = Runaway()
        let reference = try await helper.leaveJob("/bin/sh", ["-c", runaway.script()])
        let number = try await runaway.process(of: reference.processID)
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        _ = try await process.terminate(gracePeriod: .zero)
        #expect(ProcessStart.time(of: number) == nil)
    }

    @Test("goes on behind a kept job that is to leave it, until it ends by itself")
    func kept() async throws {
        let helper = try RunningHelper.keepingJobs()
        let runaway = Runaway()
        let reference = try await helper.leaveJob("/bin/sh", ["-c", runaway.script()])
        let number = try await runaway.process(of: reference.processID)
        let monitor = try ProcessStat(of: reference.processID).parent
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        try runaway.letGo()
        let report = try await process.exitReport()
        #expect(report.status == .exited(0))
        #expect(report.remainingProcesses == 0)
        #expect(try await isGone(monitor))
        #expect(ProcessStart.time(of: number) != nil)
        #expect(kill(number, SIGKILL) == 0)
    }

    @Test("goes on behind a kept job whose session is closed by a module that hangs", arguments: [true, false])
    func hangingClose(_ canBeAdopted: Bool) async throws {
        let service = try PAMService(scripted: "close:hang=")
        let lines = ["pam-services = \(service.name)"]
        let helper =
            try canBeAdopted
            ? RunningHelper.keepingJobs(policy: lines)
            : RunningHelper(policy: lines + ["peers = 0", "when-daemon-ends = keep-allowed"])
        let runaway = Runaway()
        var command = runaway.command
        command.daemonEnd = .goOn
        let process = try await PAMLauncher(helper, service).launch(command, as: TestBed.alice.identity)
        let number = try await runaway.process(of: process.processID.rawValue)
        let monitor = try ProcessStat(of: process.processID.rawValue).parent
        try runaway.letGo()
        let report = try await process.exitReport()
        #expect(report.status == .exited(0))
        #expect(try await isGone(monitor))
        #expect(ProcessStart.time(of: number) != nil)
        #expect(kill(number, SIGKILL) == 0)
    }

    @Test("is reaped also while the end of a kept job waits for somebody to ask for it")
    func reapedLate() async throws {
        let helper = try RunningHelper.keepingJobs()
        let runaway = Runaway()
        let reference = try await helper.leaveJob("/bin/sh", ["-c", runaway.script()])
        let number = try await runaway.process(of: reference.processID)
        let monitor = try ProcessStat(of: reference.processID).parent
        try runaway.letGo()
        try await wait { ProcessStart.time(of: reference.processID) == nil }
        #expect(kill(number, SIGKILL) == 0)
        try await wait { !KeptSessionProcesses.children(of: monitor).contains(number) }
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(try await process.exitReport().status == .exited(0))
    }

    @Test("is not what a module has left at the end of the session")
    func leftAtClose() async throws {
        let service = try PAMService(scripted: "close:run=/bin/sleep")
        let helper = try RunningHelper.keepingJobs(policy: ["pam-services = \(service.name)"])
        let gate = freshPath("gate")
        let script = "while ! [ -e \(gate) ]; do sleep 0.01; done"
        let reference = try await helper.leaveJob("/bin/sh", ["-c", script], service: service.name)
        let monitor = try ProcessStat(of: reference.processID).parent
        try writeFile("", to: gate)
        // It is the orphan of who has closed the session.
        var left: pid_t?
        try await wait {
            left = KeptSessionProcesses.children(of: monitor)
                .first { (try? ProcFile.read(FilePath("/proc/\($0)/comm"))) == "sleep\n" && $0 != reference.processID }
            return service.stages.contains("uncred") && left != nil
        }
        let process = try await PAMLauncher(helper, service).adopt(reference, as: TestBed.alice.identity)
        #expect(try await process.exitReport().status == .exited(0))
        #expect(try await isGone(monitor))
        let sleeper = try #require(left)
        #expect(ProcessStart.time(of: sleeper) != nil)
        #expect(kill(sleeper, SIGKILL) == 0)
    }

    // The kernel gives it to the first process of the namespace, which is none of the job's; its session is.
    @Test("is ended with its job also where it is another process's that it was given to")
    func givenToOthers() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let alice = try await TestBed.alice.identity
        let container = try await helper.launcher.launch(
            patient(
                Command(
                    .path("/usr/bin/unshare"),
                    arguments: ["-Urp", "--fork", "--mount-proc", "/bin/sleep", "100000"]
                )
            ),
            as: alice
        )
        var first: pid_t?
        try await wait {
            first = KeptSessionProcesses.children(of: container.processID.rawValue)
                .first { (try? ProcFile.read(FilePath("/proc/\($0)/comm"))) == "sleep\n" }
            return first != nil
        }
        let (note, gate) = (freshPath("note"), freshPath("gate"))
        let inside = "sleep 100000 & echo x > \(note)"
        let script = """
            nsenter -t \(try #require(first)) -U -p --preserve-credentials sh -c '\(inside)'
            while ! [ -e \(gate) ]; do sleep 0.01; done
            """
        let process = try await helper.launcher.launch(
            patient(Command(.path("/bin/sh"), arguments: ["-c", script])),
            as: alice
        )
        try await wait { exists(note) }
        var given: pid_t?
        try await wait {
            given = KeptSessionProcesses.children(of: try #require(first)).first
            return given != nil
        }
        let number = try #require(given)
        #expect(try ProcessStat(of: number).session == process.processID.rawValue)
        try writeFile("", to: gate)
        let report = try await process.exitReport()
        #expect(report.status == .exited(0))
        #expect(ProcessStart.time(of: number) == nil)
        #expect(container.isRunning)
        _ = try await container.terminate(gracePeriod: .zero)
    }

    @Test(
        "is nobody's where a module of PAM has left something in the process that looks after the job, and the log tells that",
        arguments: ["open:run=/bin/sleep", "open:clone=", "open:thread="]
    )
    func modules(_ action: String) async throws {
        let service = try PAMService(scripted: action)
        let helper = try RunningHelper(policy: service.policy)
        let runaway = Runaway()
        let process = try await PAMLauncher(helper, service).launch(runaway.command, as: TestBed.alice.identity)
        let leader = process.processID.rawValue
        let monitor = try ProcessStat(of: leader).parent
        let number = try await runaway.process()
        // Its parent, which has forked it, is gone.
        try await wait {
            let parent = try ProcessStat(of: number).parent
            return parent != leader && (try? ProcessStat(of: parent))?.session != leader
        }
        #expect(try ProcessStat(of: number).parent != monitor)
        #expect(helper.log.contains("has left a process or a thread"))
        let left = KeptSessionProcesses.children(of: monitor)
            .filter { $0 != leader && KeptSessionProcesses.state(of: $0) != "Z" }
        #expect(left.count == (action == "open:thread=" ? 0 : 1))
        // Neither signalled nor ended with the job.
        try process.send(.stop, to: .tree)
        try await wait { try ProcessStat(of: leader).state == UInt8(ascii: "T") }
        for other in left { #expect(try ProcessStat(of: other).state == UInt8(ascii: "S")) }
        _ = try await process.terminate(gracePeriod: .zero)
        for other in left + [number] {
            #expect(ProcessStart.time(of: other) != nil)
            #expect(kill(other, SIGKILL) == 0)
        }
    }
}
