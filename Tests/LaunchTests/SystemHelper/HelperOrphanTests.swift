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
    /// A job that starts such a process.
    private struct Runaway {
        private let note = freshPath("runaway")
        private let gate = freshPath("gate")

        /// What the first process does.
        ///
        /// - Parameter isDeaf: Whether the process ignores `SIGTERM`.
        /// - Returns: The script.
        func script(isDeaf: Bool = false) -> String {
            """
            \(isDeaf ? "trap '' TERM;" : "") setsid -f sh -c 'echo $$ > \(note).new; mv \(note).new \(note); exec sleep 100000'
            while ! [ -e \(gate) ]; do sleep 0.01; done
            """
        }

        var command: Command { patient(Command(.path("/bin/sh"), arguments: ["-c", script()])) }

        /// Waits until the process is there, and has no parent but the one that it was given.
        ///
        /// - Parameter leader: The first process of the job.
        /// - Returns: The process.
        /// - Throws: When it is overdue.
        func process(of leader: Int32) async throws -> Int32 {
            try await wait { exists(note) }
            let number = try #require(Int32(try ProcFile.read(note).prefix { $0 != "\n" }))
            let monitor = try ProcessStat(of: leader).parent
            try await wait { try ProcessStat(of: number).parent == monitor }
            let (own, first) = (try ProcessStat(of: number), try ProcessStat(of: leader))
            #expect(own.session == number && own.group != first.group)
            return number
        }

        /// Lets the first process end.
        func letGo() throws { try writeFile("", to: gate) }
    }

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

    @Test("is no zombie for longer than a moment: those count against the limits of the account", arguments: everybody)
    func zombies(_ privileges: RunningHelper.Privileges) async throws {
        let (helper, launcher) = try helper(privileges)
        defer { helper.stop() }
        let done = freshPath("done")
        let script = "for i in $(seq 300); do setsid -f true; done; echo > \(done); exec sleep 100000"
        let process = try await launcher.launch(
            patient(Command(.path("/bin/sh"), arguments: ["-c", script])),
            as: TestBed.alice.identity
        )
        let leader = process.processID.rawValue
        try await wait { exists(done) }
        let monitor = try ProcessStat(of: leader).parent
        func orphans() -> [pid_t] {
            KeptSessionProcesses.children(of: monitor)
                .filter { $0 != leader && (try? ProcFile.read(FilePath("/proc/\($0)/comm"))) != "impersonation-h\n" }
        }
        try await wait { orphans().isEmpty }
        _ = try await process.terminate(gracePeriod: .zero)
    }

    @Test("is not what a module of PAM has left: that is neither signalled nor ended with the job")
    func modules() async throws {
        let service = try PAMService(scripted: "open:run=/bin/sleep")
        let helper = try RunningHelper(policy: service.policy)
        let command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
        let process = try await PAMLauncher(helper, service).launch(command, as: TestBed.alice.identity)
        let leader = process.processID.rawValue
        let monitor = try ProcessStat(of: leader).parent
        func programs() -> [pid_t] {
            KeptSessionProcesses.children(of: monitor)
                .filter { $0 != leader && (try? ProcFile.read(FilePath("/proc/\($0)/comm"))) == "sleep\n" }
        }
        try await wait { programs().count == 1 }
        let number = try #require(programs().first)
        try process.send(.stop, to: .tree)
        try await wait { try ProcessStat(of: leader).state == UInt8(ascii: "T") }
        #expect(try ProcessStat(of: number).state == UInt8(ascii: "S"))
        _ = try await process.terminate(gracePeriod: .zero)
        #expect(ProcessStart.time(of: number) != nil)
        #expect(kill(number, SIGKILL) == 0)
    }
}
