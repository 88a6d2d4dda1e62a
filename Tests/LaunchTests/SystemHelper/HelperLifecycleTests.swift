import CLaunchPlan
import Faults
import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan
@testable import LaunchProtocol

@Suite("The lives of daemon, helper and job", .testBed)
struct HelperLifecycleTests {
    private var sleeper: Command { patient(Command(.path("/bin/sleep"), arguments: ["100000"])) }

    /// Whether a process is there and no zombie, once it has had its time to go.
    private func isGone(_ process: ProcessID) async throws -> Bool {
        let deadline = ContinuousClock.now + ample
        while ContinuousClock.now < deadline {
            if ProcessStart.time(of: process.rawValue) == nil { return true }
            try await Task.sleep(for: .milliseconds(2))
        }
        return false
    }

    @Test("a job ends with its daemon", arguments: RunningHelper.Privileges.allCases)
    func daemonEnds(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(privileges, policy: ["peers = 0"])
        let note = freshPath("note").string
        let worker = freshPath("worker").string
        await #expect(processExitsWith: .success) {
            [socket = helper.socket.string as String, note = note as String, worker = worker as String] in
            let launcher = SystemHelperLauncher(
                socket: FilePath(socket),
                helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
            )
            let script = """
                setsid sh -c 'trap "" TERM HUP; echo $$ > \(worker).new; mv \(worker).new \(worker); exec sleep 100000' &
                trap '' TERM; while :; do sleep 100; done
                """
            let command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
            let process = try await launcher.launch(command, as: TestBed.alice.identity)
            while !exists(FilePath(worker)) { try await Task.sleep(for: .milliseconds(1)) }
            try writeFile("\(process.processID.rawValue)", to: FilePath(note))
        }
        let process = try #require(Int32(try ProcFile.read(FilePath(note))))
        #expect(try await isGone(ProcessID(rawValue: process)))
        // Also who has a session of its own.
        let other = try #require(Int32(try ProcFile.read(FilePath(worker)).prefix { $0 != "\n" }))
        #expect(try await isGone(ProcessID(rawValue: other)))
    }

    @Test("a job that is kept is taken over by the next daemon, with all that it has used")
    func adoption() async throws {
        let helper = try keeping()
        let go = freshPath("go").string
        let reference = try await leaveKeptJob(
            behind: helper,
            running: "while ! [ -e \(go) ]; do sleep 0.01; done; exit 42"
        )
        // Somebody else's numbers are not this job's.
        let stranger = await #expect(throws: LaunchError.self) {
            try await helper.launcher.adopt(reference, as: TestBed.bob.identity)
        }
        #expect(stranger?.message.hasSuffix("; it was left alone") == true)
        #expect(stranger?.description.contains("could not take over the job as bob") == true)
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(process.processID.rawValue == reference.processID)
        #expect(process.report.attestation != .none(.notAskedFor))
        try writeFile("", to: FilePath(go))
        let exit = try await process.exitReport()
        #expect(exit.status == .exited(42))
        #expect(exit.usage != nil)
        await #expect(throws: LaunchError.self) {
            try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        }
    }

    private func keeping(
        _ privileges: RunningHelper.Privileges = .root,
        in adoptions: FilePath? = nil
    ) throws -> RunningHelper {
        let name = "adoptions-\(UInt64.random(in: 0...UInt64.max))"
        let adoptions = adoptions ?? FilePath(TestBed.directory).appending(name)
        try #require(unsafe mkdir(adoptions.string, 0o755) == 0)
        if privileges == .twoCapabilities {
            try #require(unsafe chown(adoptions.string, RunningHelper.account, RunningHelper.account) == 0)
        }
        return try RunningHelper(
            privileges,
            policy: ["peers = 0 \(RunningHelper.daemon)", "when-daemon-ends = keep-allowed"],
            arguments: ["--adoption-directory", adoptions.string]
        )
    }

    /// Has a daemon launch a job that outlives it, and end.
    private func leaveKeptJob(behind helper: RunningHelper, running script: String) async throws -> JobReference {
        let note = freshPath("reference").string
        await #expect(processExitsWith: .success) {
            [socket = helper.socket.string as String, note = note as String, script = script as String] in
            var command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
            command.daemonEnd = .goOn
            let process = try await SystemHelperLauncher(
                socket: FilePath(socket),
                helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
            )
            .launch(command, as: TestBed.alice.identity)
            let reference = try #require(process.reference)
            try writeFile(String(decoding: try JSONEncoder().encode(reference), as: UTF8.self), to: FilePath(note))
        }
        return try JSONDecoder().decode(JobReference.self, from: Data(try ProcFile.read(FilePath(note)).utf8))
    }

    @Test("the end of a kept job waits for the next daemon")
    func adoptionAfterTheEnd() async throws {
        let helper = try keeping()
        let go = freshPath("go")
        let reference = try await leaveKeptJob(
            behind: helper,
            running: "while ! [ -e \(go) ]; do sleep 0.01; done; exit 7"
        )
        let socket = try #require(reference.adoptionSocket)
        try writeFile("", to: go)
        #expect(try await isGone(ProcessID(rawValue: reference.processID)))
        #expect(exists(FilePath(socket)))
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(try await process.exitReport().status == .exited(7))
        // It has been told, so the socket is gone with the job.
        #expect(try await disappears(FilePath(socket)))
    }

    @Test("a kept job whose daemon is there is nobody else's, and is told of its end to that one")
    func adoptionBesideTheDaemon() async throws {
        let helper = try keeping()
        var command = patient(Command(.path("/bin/sh"), arguments: ["-c", "read x; exit 7"]))
        command.daemonEnd = .goOn
        command.standardInput = .pipe
        var client: LaunchedProcess? = try await helper.launcher.launch(command, as: TestBed.alice.identity)
        let reference = try #require(client?.reference)
        let input = try #require(client?.takeStandardInput())
        let socket = try #require(reference.adoptionSocket)
        let second = try RawClient(FilePath(socket))
        try second.tell(.adopt(AdoptionRequest(reference)))
        try input.close()
        #expect(try await client?.exitReport().status == .exited(7))
        client = nil
        #expect(try await disappears(FilePath(socket)))
    }

    private func disappears(_ path: FilePath) async throws -> Bool {
        let deadline = ContinuousClock.now + ample
        while ContinuousClock.now < deadline {
            if !exists(path) { return true }
            try await Task.sleep(for: .milliseconds(2))
        }
        return false
    }

    @Test("a kept job of one user is not handed to another", arguments: RunningHelper.Privileges.allCases)
    func foreignAdoption(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try keeping(privileges)
        // Nobody has it any more, so whoever may connect is asked who he is.
        let reference = try await leaveKeptJob(behind: helper, running: "exec sleep 100000")
        let socket = try #require(reference.adoptionSocket)
        let isRoot = privileges == .root
        await #expect(processExitsWith: .success) {
            [socket = socket as String, isRoot = isRoot as Bool, job = reference.processID as Int32] in
            becomeUnprivilegedDaemon()
            guard !isRoot else {
                // Nobody else connects where the helper can see to that.
                #expect(throws: Errno.permissionDenied) { try RawClient(FilePath(socket)) }
                return
            }
            let client = try RawClient(FilePath(socket))
            // It may have been sent away already.
            try? client.tell(.adopt(AdoptionRequest(processID: job, userID: TestBed.alice.userID)))
            #expect(try client.reply().refusal == "job-of-another-user")
            #expect(try client.reply().isEnd)
        }
        #expect(isRoot || helper.log.contains("asked for a job of user id 0"))
        let process = try await SystemHelperLauncher(
            socket: helper.socket,
            helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
        )
        .adopt(reference, as: TestBed.alice.identity)
        #expect(process.processID.rawValue == reference.processID)
        try await process.terminate(gracePeriod: .seconds(5))
    }

    @Test("a process of the helper that is killed takes its job along, and the daemon is told at once")
    func monitorIsKilled() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let other = try await helper.launcher.launch(sleeper, as: TestBed.bob.identity)
        let process = try await helper.launcher.launch(sleeper, as: TestBed.alice.identity)
        let monitor = try #require(parent(of: process.processID))
        #expect(helper.monitors.contains(monitor))
        kill(monitor, SIGKILL)
        let isTold = try await isInTime {
            await #expect(throws: LaunchError.self) { try await process.exitReport() }
        }
        #expect(isTold)
        let error = await #expect(throws: LaunchError.self) { try await process.exitReport() }
        #expect(error?.code == .helperLost)
        #expect(try await isGone(process.processID))
        // Nobody else has noticed.
        let next = try await helper.launcher.launch(patient(Command(.path("/bin/true"))), as: TestBed.alice.identity)
        #expect(try await next.exitReport().status == .exited(0))
        #expect(ProcessStart.time(of: other.processID.rawValue) != nil)
        try await other.terminate(gracePeriod: .seconds(5))
    }

    @Test("a process of a helper without CAP_KILL that is killed leaves its job, and the daemon is told which")
    func monitorWithoutKillIsKilled() async throws {
        let helper = try RunningHelper(.twoCapabilities, policy: ["peers = 0"])
        let launcher = LaunchWay.helperWithTwoCapabilities.launcher(helper.socket)
        let process = try await launcher.launch(sleeper, as: TestBed.alice.identity)
        let number = process.processID.rawValue
        kill(try #require(parent(of: process.processID)), SIGKILL)
        let error = await #expect(throws: LaunchError.self) { try await process.exitReport() }
        #expect(error?.code == .helperLost)
        #expect(error?.message.contains("process \(number) of it still runs; end it by hand") == true, "\(error)")
        #expect(kill(number, SIGKILL) == 0)
        #expect(try await isGone(process.processID))
    }

    @Test("a helper that is killed takes all of its processes and jobs along")
    func helperIsKilled() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let process = try await helper.launcher.launch(sleeper, as: TestBed.alice.identity)
        // A signal as the account has taken the death signal back, were it not set again.
        try process.send(.resume, to: .tree)
        helper.stop(SIGKILL)
        #expect(try await process.exitReport().status == .signaled(.terminate, coreDumped: false))
        #expect(try await isGone(process.processID))
        let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, helper.launcher)
        // The listening socket goes with the last of its processes.
        #expect([.helperUnavailable, .helperLost].contains(error.code))
    }

    @Test("a helper that is told to stop ends its jobs politely and says how they ended")
    func helperStops() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let ready = freshPath("ready")
        let script = "trap 'exit 3' TERM; echo > \(ready); while :; do sleep 0.01; done"
        let process = try await helper.launcher
            .launch(patient(Command(.path("/bin/sh"), arguments: ["-c", script])), as: TestBed.alice.identity)
        while !exists(ready) { try await Task.sleep(for: .milliseconds(1)) }
        #expect(helper.stop() == 0)
        #expect(try await process.exitReport().status == .exited(3))
        #expect(!exists(helper.socket))
    }

    @Test("a job that is kept outlives the helper that is told to stop")
    func keptJobOutlivesHelper() async throws {
        let helper = try keeping()
        var command = sleeper
        command.daemonEnd = .goOn
        let process = try await helper.launcher.launch(command, as: TestBed.alice.identity)
        #expect(helper.stop() == 0)
        #expect(ProcessStart.time(of: process.processID.rawValue) != nil)
        // Its own process of the helper still serves it.
        let exit = try await process.terminate(gracePeriod: .seconds(60))
        #expect(exit.status == .signaled(.terminate, coreDumped: false))
    }

    @Test("daemons that connect and say nothing keep nobody waiting")
    func silentDaemons() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let silent = try (0..<30).map { _ in try RawClient(helper) }
        for _ in 0..<10 {
            let result = try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, helper.launcher)
            #expect(result.exit.status == .exited(0))
        }
        _ = silent
    }

    @Test("many launches at once all arrive")
    func atOnce() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let person = try await TestBed.alice.identity
        let launcher = helper.launcher
        try await withThrowingTaskGroup(of: (Int, TerminationStatus).self) { group in
            for number in 0..<60 {
                group.addTask {
                    let script = Command(.path("/bin/sh"), arguments: ["-c", "exit \(number)"])
                    return (number, try await run(script, as: person, launcher).exit.status)
                }
            }
            for try await (number, status) in group { #expect(status == .exited(Int32(number))) }
        }
        // Those that have served end by themselves.
        let deadline = ContinuousClock.now + ample
        while helper.monitors.count > 8, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
        #expect(helper.monitors.count <= 8)
    }

    @Test("a job has a cgroup of its own, and nothing of it is left", .controlGroups)
    func controlGroups() async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "control-groups = \(TestBed.controlGroups)"])
        let script = "for i in 1 2 3; do setsid sh -c 'trap \"\" TERM; sleep 100000' & done; exit 0"
        var command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
        command.descendants = .end
        let process = try await helper.launcher.launch(command, as: TestBed.alice.identity)
        guard case .controlGroup(let path) = process.report.containment else {
            Issue.record("the job has no cgroup")
            return
        }
        #expect(try await process.exitReport().status == .exited(0))
        #expect(try await disappears(path))
    }

    @Test("what a job has left behind goes on, and is ended by whoever ends the job", .controlGroups)
    func remainderIsEnded() async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "control-groups = \(TestBed.controlGroups)"])
        let command = patient(Command(.path("/bin/sh"), arguments: ["-c", "setsid sleep 100000 & exit 3"]))
        let process = try await helper.launcher.launch(command, as: TestBed.alice.identity)
        guard case .controlGroup(let path) = process.report.containment else {
            Issue.record("the job has no cgroup")
            return
        }
        #expect(try await process.exitReport().status == .exited(3))
        try process.send(.stop, to: .tree)
        try process.send(.resume, to: .tree)
        let report = try await process.terminate(gracePeriod: .milliseconds(50))
        #expect(report.status == .exited(3))
        #expect(report.remainingProcesses == 0)
        #expect(!exists(path))
    }

    @Test("what a job has left behind ends with its daemon, too", .controlGroups)
    func remainderEndsWithDaemon() async throws {
        let helper = try RunningHelper(
            policy: [
                "peers = 0", "control-groups = \(TestBed.controlGroups)", "maximum-jobs = 2",
                "maximum-jobs-per-peer = 2",
            ]
        )
        let note = freshPath("group").string
        await #expect(processExitsWith: .success) {
            [socket = helper.socket.string as String, note = note as String] in
            let command = patient(Command(.path("/bin/sh"), arguments: ["-c", "setsid sleep 100000 & exit 0"]))
            let launcher = SystemHelperLauncher(socket: FilePath(socket))
            let process = try await launcher.launch(command, as: TestBed.alice.identity)
            guard case .controlGroup(let path) = process.report.containment else { return }
            #expect(try await process.exitReport().status == .exited(0))
            #expect(exists(path))
            // What has been left behind is no job any more: there is room for another one.
            let next = try await launcher.launch(patient(Command(.path("/bin/true"))), as: TestBed.bob.identity)
            #expect(try await next.exitReport().status == .exited(0))
            try writeFile(path.string, to: FilePath(note))
        }
        #expect(try await disappears(FilePath(try ProcFile.read(FilePath(note)))))
    }

    @Test("what a job leaves running goes on with its daemon, until that ends it", .controlGroups)
    func remainderGoesOn() async throws {
        let helper = try RunningHelper(
            policy: [
                "peers = 0", "control-groups = \(TestBed.controlGroups)", "maximum-jobs = 2",
                "maximum-jobs-per-peer = 2",
            ]
        )
        let command = patient(Command(.path("/bin/sh"), arguments: ["-c", "setsid sleep 100000 & exit 0"]))
        var processes: [LaunchedProcess] = []
        for _ in 0..<2 {
            let process = try await helper.launcher.launch(command, as: TestBed.alice.identity)
            #expect(try await process.exitReport().status == .exited(0))
            processes.append(process)
        }
        try await Task.sleep(for: .milliseconds(300))
        let groups = try processes.map { process in
            guard case .controlGroup(let path) = process.report.containment else { throw Errno.noSuchProcess }
            return path
        }
        for group in groups {
            #expect(try ProcFile.read(group.appending("cgroup.events")).contains("populated 1"))
        }
        // As much as there may be jobs, and no more.
        let error = try await launchError(Command(.path("/bin/true")), as: TestBed.bob.identity, helper.launcher)
        #expect(error.message.contains("too-many-jobs"))
        for process in processes { try await process.terminate(gracePeriod: .seconds(1)) }
        for group in groups { #expect(!exists(group)) }
    }

    @Test("a daemon that has gone before its job was started has none", arguments: [true, false])
    func goneBefore(_ outlives: Bool) async throws {
        let adoptions = FilePath(TestBed.directory).appending("adoptions-of-\(outlives ? "lasting" : "ending")")
        let helper = try keeping(in: adoptions)
        let marks = freshPath("marks")
        try #require(unsafe mkdir(marks.string, 0o777) == 0 && chmod(marks.string, 0o777) == 0)
        for number in 0..<20 {
            let client = try RawClient(helper)
            try client.greet()
            try client.order {
                $0.executables = ["/bin/sh"]
                $0.arguments = ["sh", "-c", "sleep 0.2; echo > \(marks)/\(number)"].map { Array($0.utf8) }
                $0.endsWithDaemon = !outlives
            }
            client.close()
        }
        // Whatever had been started before the helper looked is ended, since nobody was told of it.
        try await Task.sleep(for: .milliseconds(1_000))
        #expect((0..<20).filter { exists(marks.appending("\($0)")) } == [])
        // Nobody could ever ask how they ended, so no process of the helper waits for that.
        let deadline = ContinuousClock.now + ample
        while try !FileManager.default.contentsOfDirectory(atPath: adoptions.string).isEmpty,
            ContinuousClock.now < deadline
        {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: adoptions.string) == [])
    }

    @Test("a job has a terminal of the daemon's", arguments: RunningHelper.Privileges.allCases)
    func terminal(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(privileges)
        let isRoot = privileges == .root
        await #expect(processExitsWith: .success) {
            [socket = helper.socket.string as String, isRoot = isRoot as Bool] in
            becomeUnprivilegedDaemon()
            var command = patient(Command(.path("/bin/sh"), arguments: ["-c", "test -t 0 && test -O \"$(tty)\""]))
            command.terminal = .pseudoterminal(rows: 24, columns: 80)
            let launcher = SystemHelperLauncher(
                socket: FilePath(socket),
                helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
            )
            let person = try await TestBed.alice.identity
            do throws(LaunchError) {
                let process = try await launcher.launch(command, as: person)
                let exit = try await process.exitReport()
                #expect(exit.status == .exited(0))
                #expect(isRoot)
            } catch {
                #expect(!isRoot)
                #expect(error.message.contains("CAP_CHOWN"))
            }
        }
    }

    @Test("the daemon stays as it was", arguments: RunningHelper.Privileges.allCases)
    func daemonIsLeftAlone(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(privileges)
        await #expect(processExitsWith: .success) { [socket = helper.socket.string as String] in
            becomeUnprivilegedDaemon()
            let launcher = SystemHelperLauncher(
                socket: FilePath(socket),
                helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
            )
            for dumpable: Int32 in [1, 0] {
                try #require(process_set_dumpable(dumpable) == 0)
                let before = try await DaemonState.atRest()
                for _ in 0..<5 { _ = try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher) }
                let descriptors = try await openDescriptorCount()
                for _ in 0..<20 { _ = try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher) }
                #expect(try await before.changes() == [])
                #expect(try await openDescriptorCount() < descriptors + 5)
            }
        }
    }

    private func parent(of process: ProcessID) -> pid_t? {
        let text = (try? ProcFile.read(FilePath("/proc/\(process.rawValue)/stat"))) ?? ""
        guard let end = text.lastIndex(of: ")") else { return nil }
        return pid_t(text[text.index(after: end)...].split(separator: " ")[1])
    }
}
