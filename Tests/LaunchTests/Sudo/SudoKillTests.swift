import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// A way from a daemon to the processes of a job that it may not signal itself.
enum SudoWay: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case controlGroup
    case launcherAsTheAccount
    case controlGroupByRust
    case launcherByRust

    var testDescription: String { rawValue }

    /// The launcher for this process, which is a daemon without privileges afterwards.
    func becomeDaemon() throws -> SudoLauncher {
        let place = hasControlGroup ? try Self.delegatedGroup() : nil
        becomeUnprivilegedDaemon()
        let groups = try place.map { try ControlGroups(below: $0) }
        return isRust
            ? .ofTheBedByRust(controlGroups: groups, signalsThroughSudo: groups == nil)
            : .ofTheBed(controlGroups: groups, signalsThroughSudo: groups == nil)
    }

    private var hasControlGroup: Bool { self == .controlGroup || self == .controlGroupByRust }

    private var isRust: Bool { self == .controlGroupByRust || self == .launcherByRust }

    /// A directory of cgroup v2 that belongs to the daemon, with this process in a group below it, as `Delegate=yes` gives it.
    private static func delegatedGroup() throws -> FilePath {
        let place = TestBed.controlGroups.appending("sudo-\(getpid())-\(UInt64.random(in: 0...UInt64.max))")
        let own = place.appending("daemon")
        for made in [place, own] {
            try #require(unsafe mkdir(made.string, 0o755) == 0)
            for file in [made, made.appending("cgroup.procs"), made.appending("cgroup.subtree_control")] {
                try #require(unsafe chown(file.string, RunningHelper.daemon, RunningHelper.daemon) == 0)
            }
        }
        let file = try FileDescriptor.open(own.appending("cgroup.procs"), .writeOnly)
        try file.closeAfter { _ = try file.writeAll("0".utf8) }
        return place
    }

    static var available: [SudoWay] {
        allCases.filter { way in
            !(way.hasControlGroup && TestBed.controlGroups.isEmpty) && !(way.isRust && !TestBed.hasSudoRust)
        }
    }
}

@Suite("The end of a job behind sudo", .testBed)
struct SudoKillTests {
    /// Processes of the script that has this number in it, zombies left out.
    private static func living(_ number: Int) -> [Int32] {
        ((try? ProcFile.processes()) ?? [])
            .filter { process in
                let words = (try? ProcFile.read(FilePath("/proc/\(process)/cmdline"))) ?? ""
                return words.hasPrefix("sleep\0\(number)\0")
                    || words.contains("marker-\(number)-") && words.hasPrefix("sh\0")
            }
    }

    private static func awaitNobody(_ number: Int) async throws {
        for _ in 0..<1_000 where !living(number).isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        #expect(living(number) == [])
    }

    /// Starts a script that says when it is ready.
    private static func start(
        _ script: (_ number: Int) -> String,
        _ launcher: SudoLauncher,
        configure: (inout Command) -> Void = { _ in }
    ) async throws -> (LaunchedProcess, Int) {
        let number = 100_000 + Int.random(in: 0..<100_000_000)
        let ready = freshPath("ready")
        var command = Command(
            .path("/bin/sh"),
            arguments: ["-c", "\(script(number))\necho x > \(ready); while :; do sleep 0.05; done"]
        )
        configure(&command)
        let process = try await launcher.launch(patient(command), as: TestBed.alice.identity)
        while (try? ProcFile.read(ready))?.isEmpty ?? true { try await Task.sleep(for: .milliseconds(5)) }
        return (process, number)
    }

    /// Deaf to what is polite, with a child in the session, one in a session of its own, and one that has lost its parent too.
    private static func stubborn(_ number: Int) -> String {
        """
        trap '' TERM HUP
        sleep \(number) & setsid sleep \(number) &
        setsid sh -c "trap '' TERM; sleep \(number) & : marker-\(number)-; while :; do sleep 0.05; done" &
        sleep 0.2
        """
    }

    @Test("leaves nobody, whatever it does to stay", arguments: SudoWay.available)
    func termination(_ way: SudoWay) async {
        await #expect(processExitsWith: .success) { [way = way.rawValue as String] in
            let launcher = try #require(SudoWay(rawValue: way)).becomeDaemon()
            let (process, number) = try await Self.start(Self.stubborn, launcher)
            #expect(Self.living(number).count >= 4)
            let report = try await process.terminate(gracePeriod: .milliseconds(100))
            #expect(report.status == .signaled(.kill, coreDumped: false))
            #expect(report.remainingProcesses == 0)
            // By the kernel's word as well, as long as there is the group.
            if case .controlGroup(let group) = process.report.containment {
                let events = try? ProcFile.read(group.appending("cgroup.events"))
                #expect(events?.contains("populated 0") != false, "\(events ?? "")")
            }
            try await Self.awaitNobody(number)
        }
    }

    @Test("leaves nobody behind su or a login shell either", arguments: ["login", "substitute"])
    func shells(_ name: String) async throws {
        let rule = try SudoRule(
            "renderd ALL=(root) NOPASSWD: /usr/bin/su",
            "renderd ALL=(alice) NOPASSWD: /bin/bash"
        )
        await #expect(processExitsWith: .success) { [name = name as String] in
            becomeUnprivilegedDaemon()
            let launcher = SudoLauncher.ofTheBed(profile: name == "login" ? .login : .substitute())
            let (polite, _) = try await Self.start({ _ in "trap 'exit 9' TERM" }, launcher)
            #expect(try await polite.terminate(gracePeriod: .seconds(60)).status == .exited(9))
            let (process, number) = try await Self.start(Self.stubborn, launcher)
            let report = try await process.terminate(gracePeriod: .milliseconds(100))
            // su(1) tells a signal as an exit status.
            #expect(
                report.status == (name == "login" ? .signaled(.kill, coreDumped: false) : .exited(128 + SIGKILL))
            )
            #expect(report.remainingProcesses == 0)
            try await Self.awaitNobody(number)
        }
        rule.remove()
    }

    @Test("leaves nobody who has forked twice and lost his parents", .controlGroups)
    func doubleFork() async {
        await #expect(processExitsWith: .success) {
            let launcher = try SudoWay.controlGroup.becomeDaemon()
            let script = { (number: Int) in
                "setsid sh -c 'setsid sh -c \"trap \\\"\\\" TERM; sleep \(number) & :\" & :' ; sleep 0.2"
            }
            let (process, number) = try await Self.start(script, launcher)
            #expect(Self.living(number).count == 1)
            guard case .controlGroup = process.report.containment else {
                Issue.record("the report says \(process.report.containment)")
                return
            }
            try await process.terminate(gracePeriod: .milliseconds(50))
            try await Self.awaitNobody(number)
        }
    }

    @Test("gives the job the time to end politely", arguments: SudoWay.available)
    func polite(_ way: SudoWay) async {
        await #expect(processExitsWith: .success) { [way = way.rawValue as String] in
            let launcher = try #require(SudoWay(rawValue: way)).becomeDaemon()
            let (process, _) = try await Self.start({ _ in "trap 'exit 9' TERM" }, launcher)
            #expect(try await process.terminate(gracePeriod: .seconds(60)).status == .exited(9))
        }
    }

    @Test("comes to a job that is stopped as well", arguments: SudoWay.available)
    func stopped(_ way: SudoWay) async {
        await #expect(processExitsWith: .success) { [way = way.rawValue as String] in
            let launcher = try #require(SudoWay(rawValue: way)).becomeDaemon()
            let script = { (number: Int) in "sleep \(number) & (sleep 0.2; kill -STOP $$) &" }
            let (process, number) = try await Self.start(script, launcher)
            try await Task.sleep(for: .milliseconds(400))
            try await process.terminate(gracePeriod: .milliseconds(100))
            try await Self.awaitNobody(number)
        }
    }

    /// Waits for the end, and kills a job that is not told to have ended.
    private static func end(of process: LaunchedProcess) async throws -> TerminationStatus {
        let killing = Task {
            try await Task.sleep(for: .seconds(30))
            Issue.record("the end of the job is not told")
            try await process.terminate(gracePeriod: .zero)
        }
        defer { killing.cancel() }
        return try await process.exitReport().status
    }

    @Test("is told of a job that was stopped and went on, whoever did that", arguments: SudoWay.available)
    func continued(_ way: SudoWay) async {
        await #expect(processExitsWith: .success) { [way = way.rawValue as String] in
            let launcher = try #require(SudoWay(rawValue: way)).becomeDaemon()
            let script = "(sleep 0.2; kill -STOP $$; sleep 0.4; kill -CONT $$) & sleep 0.4; exit 7"
            let command = Command(.path("/bin/sh"), arguments: ["-c", script])
            let process = try await launcher.launch(patient(command), as: TestBed.alice.identity)
            #expect(try await Self.end(of: process) == .exited(7))
        }
    }

    @Test("is told of a job that the daemon itself has stopped and resumed")
    func resumed() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            for target in [SignalTarget.process, .group, .tree] {
                let (process, _) = try await Self.start({ _ in "trap 'exit 9' TERM" }, SudoLauncher.ofTheBed())
                let sudo = try ProcessStat(of: process.processID.rawValue).parent
                try process.send(.stop, to: target)
                for _ in 0..<400 where !Self.isStopped(sudo) { try await Task.sleep(for: .milliseconds(5)) }
                #expect(Self.isStopped(sudo))
                try process.send(.resume, to: target)
                for _ in 0..<400 where Self.isStopped(sudo) { try await Task.sleep(for: .milliseconds(5)) }
                #expect(!Self.isStopped(sudo), "\(target)")
                try process.send(.terminate, to: .process)
                #expect(try await Self.end(of: process) == .exited(9))
            }
        }
    }

    private static func isStopped(_ process: Int32) -> Bool {
        ((try? ProcFile.read(FilePath("/proc/\(process)/status"))) ?? "").contains("State:\tT")
    }

    @Test("kills what the job has left behind, when it is to", arguments: SudoWay.available)
    func descendants(_ way: SudoWay) async {
        await #expect(processExitsWith: .success) { [way = way.rawValue as String] in
            let launcher = try #require(SudoWay(rawValue: way)).becomeDaemon()
            let number = 100_000 + Int.random(in: 0..<100_000_000)
            var command = Command(.path("/bin/sh"), arguments: ["-c", "sleep \(number) & sleep 0.1; exit 3"])
            command.descendants = .end
            let process = try await launcher.launch(patient(command), as: TestBed.alice.identity)
            let report = try await process.exitReport()
            #expect(report.status == .exited(3))
            #expect(report.remainingProcesses == 0)
            try await Self.awaitNobody(number)
        }
    }

    @Test("by any signal is told as that", arguments: [SIGINT, SIGTERM, SIGKILL, SIGUSR1, SIGSEGV, SIGALRM])
    func signals(_ number: Int32) async {
        await #expect(processExitsWith: .success) { [number] in
            becomeUnprivilegedDaemon()
            let (process, _) = try await Self.start({ _ in "" }, SudoLauncher.ofTheBed())
            try process.send(Signal(rawValue: number), to: .process)
            guard case .signaled(let signal, _) = try await process.exitReport().status else {
                Issue.record("the job was not ended by a signal")
                return
            }
            #expect(signal.rawValue == number)
            #expect(throws: Errno.noSuchProcess) { try process.send(.kill, to: .process) }
        }
    }

    @Test("for want of any way is that of the first process, and said so")
    func relayed() async throws {
        let rule = try SudoRule("launcher ALL=(alice) NOPASSWD: \(TestBed.launcher) run *")
        await #expect(processExitsWith: .success) {
            becomeDaemon(991)
            let (process, number) = try await Self.start(
                { "sleep \($0) &" },
                SudoLauncher.ofTheBed(signalsThroughSudo: false)
            )
            #expect(process.report.containment == .firstProcess)
            let begin = ContinuousClock.now
            let report = try await process.terminate(gracePeriod: .seconds(60))
            #expect(report.status == .signaled(.terminate, coreDumped: false))
            // Nobody can end what it has started: that is what the report says, and it does not wait for it.
            #expect(report.remainingProcesses >= 1)
            #expect(ContinuousClock.now - begin < .seconds(8))
            let left = try #require(Self.living(number).first)
            let killing = try await runScript("kill -9 \(left)", as: TestBed.alice.identity, SudoLauncher.ofTheBed())
            #expect(killing.exit.status == .exited(0))
            // A deaf one ends with its sudo, which it is tied to.
            let (deaf, _) = try await Self.start(
                { _ in "trap '' TERM" },
                SudoLauncher.ofTheBed(signalsThroughSudo: false)
            )
            let leader = deaf.processID.rawValue
            #expect(
                try await deaf.terminate(gracePeriod: .milliseconds(100)).status == .signaled(.kill, coreDumped: false)
            )
            for _ in 0..<1_000 where ProcessStart.time(of: leader) != nil {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(ProcessStart.time(of: leader) == nil)
            // The same when signals were to go through sudo, and the rule does not permit them.
            let (refused, _) = try await Self.start({ _ in "trap '' TERM" }, SudoLauncher.ofTheBed())
            #expect(
                try await refused.terminate(gracePeriod: .milliseconds(100)).status
                    == .signaled(.kill, coreDumped: false)
            )
        }
        rule.remove()
    }

    @Test("comes with the end of its sudo, whoever ends that")
    func sudoKilled() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let (process, _) = try await Self.start({ _ in "" }, SudoLauncher.ofTheBed())
            let leader = process.processID.rawValue
            let sudo = try ProcessStat(of: leader).parent
            #expect(kill(sudo, SIGKILL) == 0)
            #expect(try await process.exitReport().status == .signaled(.kill, coreDumped: false))
            for _ in 0..<1_000 where ProcessStart.time(of: leader) != nil {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(ProcessStart.time(of: leader) == nil)
        }
    }
}
