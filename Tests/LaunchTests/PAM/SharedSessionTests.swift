import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("A session of PAM that jobs share", .testBed)
struct SharedSessionTests {
    private let sleeper = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
    private static let long = PAMLauncher.Sessions.shared(idleTime: .seconds(3_600))

    private func policy(_ service: PAMService, idle: Int = 3_600) -> [String] {
        service.policy + ["pam-session-idle = \(idle)"]
    }

    private func count(_ stage: String, _ service: PAMService) -> Int { service.stages.count { $0 == stage } }

    /// That as many sessions were opened and closed, each by root and by the process that has opened it.
    private func expectBalance(_ service: PAMService, _ sessions: Int) {
        for stage in ["cred", "open", "close", "uncred"] {
            #expect(count(stage, service) == sessions, "\(stage): \(service.stages)")
        }
        #expect(service.records.allSatisfy { $0.userID == 0 })
        #expect(keepers(service) == Set(service.records.filter { $0.stage == "close" }.map(\.process)))
    }

    /// That the session ends with its last job, and that there was no other one.
    private func expectLast(_ job: LaunchedProcess, _ service: PAMService) async throws {
        _ = try await job.terminate(gracePeriod: .zero)
        try await service.waitForClose()
        expectBalance(service, 1)
    }

    private func keepers(_ service: PAMService) -> Set<Int32> {
        Set(service.records.filter { $0.stage == "open" }.map(\.process))
    }

    private func waitUntilGone(_ process: Int32) async throws {
        let deadline = ContinuousClock.now + ample
        while ProcessStart.time(of: process) != nil, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(ProcessStart.time(of: process) == nil)
    }

    private func probe(
        _ launcher: PAMLauncher,
        as person: TestBed.Person = TestBed.alice,
        configure: (inout Command) -> Void = { _ in }
    ) async throws -> ProbeReport {
        var command = Command(.path(FilePath(TestBed.probe)))
        configure(&command)
        let result = try await run(command, as: person.identity, launcher)
        try #require(result.exit.status == .exited(0), "\(result.exit.standardError?.text ?? "")")
        #expect(result.process.report.session?.isShared == true)
        return try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
    }

    /// Launches a job, again and again as long as those that have ended count.
    private func launchInTime(
        _ launcher: PAMLauncher,
        _ command: Command,
        as identity: ExecutionIdentity
    ) async throws -> LaunchedProcess {
        let deadline = ContinuousClock.now + ample
        while true {
            do throws(LaunchError) {
                return try await launcher.launch(patient(command), as: identity)
            } catch {
                try #require(error.message.contains("too-many-jobs") && ContinuousClock.now < deadline)
            }
        }
    }

    private func target(of descriptor: Int32, in process: pid_t) -> String {
        var path = [UInt8](repeating: 0, count: 256)
        let size = unsafe path.withUnsafeMutableBytes { bytes in
            let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            return unsafe start.map { unsafe readlink("/proc/\(process)/fd/\(descriptor)", $0, 256) } ?? -1
        }
        return size > 0 ? String(decoding: path.prefix(size), as: UTF8.self) : ""
    }

    // MARK: One session

    @Test("is opened once, gives each of them what it has, and is closed when it has had none for a while")
    func sharing() async throws {
        let service = try PAMService(
            scripted: "cred:group=3005",
            "open:limit=7/333/444",
            "open:nice=3",
            "open:putenv=SHOT=s001",
            "open:info=welcome"
        )
        let helper = try RunningHelper(policy: policy(service, idle: 1))
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        for _ in 0..<4 {
            let report = try await probe(launcher)
            #expect(report.userID == .all(2001))
            #expect(report.groups == (TestBed.alice.groups + [3005]).sorted())
            #expect(report.limits["openFiles"] == ProbeReport.Limit(soft: 333, hard: 444))
            #expect(report.nice == 3)
            #expect(report.variables["SHOT"] == "s001")
            #expect(report.capabilities == .none)
        }
        // The policy's second counts, not the launcher's hour.
        try await service.waitForClose()
        expectBalance(service, 1)
        #expect(count("account", service) == 4)
        try await waitUntilGone(try #require(keepers(service).first))
    }

    @Test("is the kernel's as well: its keyring, and the login id")
    func inheritance() async throws {
        let helper = try RunningHelper(
            policy: ["peers = 0", "pam-services = impersonation", "pam-session-idle = 60"]
        )
        let through = SystemHelperLauncher(socket: helper.socket)
        let shared = PAMLauncher(through: through, sessions: Self.long)
        let (first, second) = (try await probe(shared), try await probe(shared))
        let ring = try #require(first.sessionKeyringID)
        #expect(second.sessionKeyringID == ring)
        #expect(second.sessionKeyring?.contains(";2001;") == true)
        #expect(first.auditSession == second.auditSession)
        if TestBed.hasMachineRoot { #expect(second.loginUserID == 2001) }
        let own = try await run(
            Command(.path(FilePath(TestBed.probe))),
            as: TestBed.alice.identity,
            PAMLauncher(through: through)
        )
        #expect(own.process.report.session?.isShared == false)
        #expect(try ProbeReport(json: own.exit.standardOutput?.bytes ?? []).sessionKeyringID != ring)
    }

    @Test("is one also where all of them come at once, and nothing is left of it")
    func burst() async throws {
        let service = try PAMService(scripted: "open:info=x")
        let helper = try RunningHelper(policy: policy(service, idle: 1))
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        let alice = try await TestBed.alice.identity
        try await withThrowingTaskGroup(of: TerminationStatus.self) { group in
            for number in 0..<24 {
                let command = patient(Command(.path("/bin/sh"), arguments: ["-c", "exit \(number)"]))
                group.addTask { try await launcher.launch(command, as: alice).exitReport().status }
            }
            var statuses: Set<TerminationStatus> = []
            for try await status in group { statuses.insert(status) }
            #expect(statuses == Set((0..<24).map { .exited($0) }))
        }
        try await service.waitForClose()
        expectBalance(service, 1)
        #expect(count("account", service) == 24)
        // None of the processes that waited for more of them stays.
        try await waitUntilGone(try #require(keepers(service).first))
        let deadline = ContinuousClock.now + ample
        while helper.monitors.count > 4, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(2)) }
        #expect(helper.monitors.count <= 4)
    }

    @Test("holds nothing open of the jobs that were in it: their output ends with them")
    func descriptors() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: policy(service))
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        for number in 0..<3 {
            // Read to its end, which comes when nobody has the other end any more.
            let result = try await runScript("echo \(number)", as: TestBed.alice.identity, launcher)
            #expect(result.exit.standardOutput?.text == "\(number)\n")
        }
        let first = try await launcher.launch(sleeper, as: TestBed.alice.identity)
        let keeper = try #require(keepers(service).first)
        let list = FilePath("/proc/\(keeper)/task/\(keeper)/children")
        var others: [pid_t] = []
        let deadline = ContinuousClock.now + ample
        while others.count < 3, ContinuousClock.now < deadline {
            others = try ProcFile.read(list).split(separator: " ").compactMap { pid_t($0) }
        }
        // The one that was made last waits for a job, like one of the others.
        let waiting = try #require(others.last)
        // Those two have no end of a pipe of a job's, and one between themselves.
        let pipes = [keeper, waiting]
            .map { process in
                Set((3..<600).map { target(of: Int32($0), in: process) }.filter { $0.hasPrefix("pipe:") })
            }
        #expect(pipes[0].count == 1 && pipes[0] == pipes[1])
        #expect(pipes[0].isDisjoint(with: (0..<3).map { target(of: $0, in: first.processID.rawValue) }))
        _ = try await first.terminate(gracePeriod: .zero)
    }

    @Test("stays as long as something of a job does", .controlGroups)
    func remainder() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(
            policy: policy(service, idle: 1) + ["control-groups = \(TestBed.controlGroups)"]
        )
        let command = patient(Command(.path("/bin/sh"), arguments: ["-c", "setsid sleep 100000 & exit 3"]))
        let process = try await PAMLauncher(helper, service, sessions: Self.long)
            .launch(command, as: TestBed.alice.identity)
        #expect(try await process.exitReport().status == .exited(3))
        try await Task.sleep(for: .milliseconds(1_500))
        #expect(count("close", service) == 0)
        try await expectLast(process, service)
    }

    @Test("leaves what a job asks for itself")
    func askedFor() async throws {
        let service = try PAMService(scripted: "open:limit=7/333/444", "open:nice=3")
        let helper = try RunningHelper(policy: policy(service))
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        _ = try await probe(launcher)
        let report = try await probe(launcher) { command in
            command.resourceLimits[.openFiles] = ResourceLimits.Limit(soft: 400, hard: 4_000)
            command.niceness = 7
            command.environment = .clean
            command.arguments = ["x".padding(100_000)]
        }
        #expect(report.limits["openFiles"] == ProbeReport.Limit(soft: 400, hard: 444))
        #expect(report.nice == 7)
        #expect(try await probe(launcher).nice == 3)
        #expect(count("open", service) == 1)
    }

    // MARK: Not for everybody

    @Test("is for jobs of one account, one service, one mask, and all with a password or all without")
    func differences() async throws {
        let service = try PAMService(scripted: "auth:expect=right")
        let other = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(
            policy: ["peers = 0", "pam-services = \(service.name) \(other.name)", "pam-session-idle = 3600"]
        )
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        _ = try await probe(launcher)
        _ = try await probe(launcher, as: TestBed.bob)
        #expect(count("open", service) == 2)
        _ = try await probe(launcher) { $0.fileModeCreationMask = [.otherReadWriteExecute] }
        #expect(count("open", service) == 3)
        let passwords = try await store("right", for: TestBed.alice)
        let proven = PAMLauncher(helper, service, .password(from: passwords), sessions: Self.long)
        for _ in 0..<2 { _ = try await probe(proven) }
        #expect(count("open", service) == 4)
        #expect(count("auth", service) == 2)
        _ = try await probe(PAMLauncher(helper, other, sessions: Self.long))
        #expect(count("open", other) == 1)
        for _ in 0..<2 { _ = try await probe(launcher) }
        #expect(count("open", service) == 4)
        #expect(keepers(service).count == 4)
    }

    @Test("is for jobs of one daemon user")
    func daemons() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(
            policy: ["peers = 0 \(RunningHelper.daemon)", "pam-services = \(service.name)", "pam-session-idle = 3600"]
        )
        _ = try await probe(PAMLauncher(helper, service, sessions: Self.long))
        for _ in 0..<2 {
            await #expect(processExitsWith: .success) {
                [socket = helper.socket.string as String, name = service.name as String] in
                becomeUnprivilegedDaemon()
                let identity = try await TestBed.alice.identity
                let launcher = PAMLauncher(
                    through: SystemHelperLauncher(socket: FilePath(socket)),
                    service: name,
                    sessions: .shared(idleTime: .seconds(3_600))
                )
                let process = try await launcher.launch(patient(Command(.path("/bin/true"))), as: identity)
                try #require(try await process.exitReport().status == .exited(0))
            }
        }
        #expect(count("open", service) == 2)
    }

    @Test("is refused where the policy does not permit it")
    func policyDecides() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: service.policy)
        let error = try await launchError(
            Command(.path("/bin/true")),
            as: TestBed.alice.identity,
            PAMLauncher(helper, service, sessions: Self.long)
        )
        #expect(error.code == .refused)
        #expect(error.message.contains("pam-session-not-shared"))
        #expect(error.message.contains("`pam-session-idle`"))
        #expect(service.stages == [])
    }

    @Test("is not for a job that may outlive its daemon: that has one of its own")
    func keptJob() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: policy(service) + ["when-daemon-ends = keep-allowed"])
        var command = sleeper
        command.daemonEnd = .goOn
        let process = try await PAMLauncher(helper, service, sessions: Self.long)
            .launch(command, as: TestBed.alice.identity)
        #expect(process.report.session?.isShared == false)
        _ = try await process.terminate(gracePeriod: .zero)
        expectBalance(service, 1)
    }

    @Test("is not where a module leaves the place in which later jobs are looked at")
    func surroundings() async throws {
        let service = try PAMService(scripted: "open:mounts=own")
        let helper = try RunningHelper(policy: policy(service))
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        for _ in 0..<2 {
            let result = try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
            #expect(result.exit.status == .exited(0))
            #expect(result.process.report.session?.isShared == false)
        }
        expectBalance(service, 2)
    }

    @Test("lets nobody in who could not come in by himself", arguments: ["account", "auth"])
    func eachIsLookedAt(_ stage: String) async throws {
        let service = try PAMService(scripted: "auth:expect=right")
        let helper = try RunningHelper(policy: policy(service, idle: 2))
        let passwords = try await store("right", for: TestBed.alice)
        let launcher = PAMLauncher(helper, service, .password(from: passwords), sessions: Self.long)
        let first = try await launcher.launch(sleeper, as: TestBed.alice.identity)
        if stage == "account" {
            try service.become(scripted: "auth:expect=right", "account:return=13")
        } else {
            try service.become(scripted: "auth:expect=another")
        }
        let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
        #expect(error.code == .accountRefused)
        #expect(error.sessionRefusal?.reason == (stage == "account" ? .accountExpired : .wrongPassword))
        #expect(error.step == (stage == "account" ? .checkAccount : .authenticate))
        // Those that are in stay in.
        #expect(ProcessStart.time(of: first.processID.rawValue) != nil)
        #expect(count("close", service) == 0)
        try await expectLast(first, service)
    }

    @Test("goes on when a module hangs over one of them, which fails in time and by name")
    func hanging() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: policy(service, idle: 2))
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        let first = try await launcher.launch(sleeper, as: TestBed.alice.identity)
        try service.become(scripted: "account:hang=")
        var command = Command(.path("/bin/true"))
        command.startDeadline = .milliseconds(700)
        let error = try await launchError(command, as: TestBed.alice.identity, launcher)
        #expect(error.code == .deadlineExceeded)
        #expect(error.step == .checkAccount)
        try service.become(scripted: "*:info=x")
        _ = try await probe(launcher)
        #expect(count("open", service) == 1)
        try await expectLast(first, service)
    }

    @Test("that cannot be opened is nobody's, and those who waited for it try themselves")
    func failing() async throws {
        let service = try PAMService(scripted: "open:return=14")
        let helper = try RunningHelper(policy: policy(service, idle: 1))
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        let alice = try await TestBed.alice.identity
        try await withThrowingTaskGroup(of: LaunchError.Code.self) { group in
            for _ in 0..<6 {
                group.addTask { try await launchError(Command(.path("/bin/true")), as: alice, launcher).code }
            }
            for try await code in group { #expect(code == .sessionFailed) }
        }
        #expect(count("open", service) == 6)
        #expect(count("cred", service) == count("uncred", service))
        try service.become(scripted: "*:info=x")
        _ = try await probe(launcher)
        try await service.waitForClose(7)
        #expect(count("close", service) == 1)
    }

    // MARK: The end

    @Test("ends with the process that keeps it when that is told to, and its jobs before it")
    func keeperIsTold() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: policy(service))
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        let alice = try await TestBed.alice.identity
        let jobs = [try await launcher.launch(sleeper, as: alice), try await launcher.launch(sleeper, as: alice)]
        #expect(kill(try #require(keepers(service).first), SIGTERM) == 0)
        for job in jobs {
            #expect(try await job.exitReport().status == .signaled(.terminate, coreDumped: false))
        }
        try await service.waitForClose()
        expectBalance(service, 1)
        // The next one opens another.
        _ = try await probe(launcher)
        #expect(count("open", service) == 2)
    }

    @Test("whose process is killed takes its jobs with it, and the next one opens another")
    func keeperIsKilled() async throws {
        let service = try PAMService(scripted: "*:info=x")
        // One place for a job: a place that were lost would be missed.
        let helper = try RunningHelper(policy: policy(service) + ["maximum-jobs = 2", "maximum-jobs-per-peer = 2"])
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        let alice = try await TestBed.alice.identity
        for round in 1...3 {
            let jobs = [
                try await launchInTime(launcher, sleeper, as: alice),
                try await launchInTime(launcher, sleeper, as: alice),
            ]
            #expect(keepers(service).count == round)
            #expect(kill(try #require(service.records.last { $0.stage == "open" }).process, SIGKILL) == 0)
            for job in jobs {
                #expect(try await job.exitReport().status == .signaled(.terminate, coreDumped: false))
            }
        }
    }

    @Test("ends with the helper, stopped or killed, and its jobs before it", arguments: [SIGTERM, SIGKILL])
    func helperEnds(_ signal: Int32) async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: policy(service))
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        let alice = try await TestBed.alice.identity
        let jobs = [try await launcher.launch(sleeper, as: alice), try await launcher.launch(sleeper, as: alice)]
        helper.stop(signal)
        for job in jobs {
            #expect(try await job.exitReport().status == .signaled(.terminate, coreDumped: false))
        }
        try await service.waitForClose()
        expectBalance(service, 1)
    }

    @Test("without a job ends with the helper at once")
    func idleHelperEnds() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: policy(service))
        _ = try await probe(PAMLauncher(helper, service, sessions: Self.long))
        #expect(count("close", service) == 0)
        #expect(helper.stop() == 0)
        expectBalance(service, 1)
    }

    @Test("is closed when the daemon has gone, and its jobs with it")
    func daemonEnds() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: policy(service, idle: 1))
        await #expect(processExitsWith: .success) {
            [socket = helper.socket.string as String, name = service.name as String] in
            let launcher = PAMLauncher(
                through: SystemHelperLauncher(socket: FilePath(socket)),
                service: name,
                sessions: .shared(idleTime: .seconds(3_600))
            )
            let command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
            for _ in 0..<2 { _ = try await launcher.launch(command, as: TestBed.alice.identity) }
        }
        try await service.waitForClose()
        expectBalance(service, 1)
    }

    @Test("outlives jobs that crash, cannot be started or are cancelled")
    func crashes() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: policy(service, idle: 2))
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        let alice = try await TestBed.alice.identity
        for script in ["kill -SEGV $$", "kill -KILL $$", "exit 7"] {
            _ = try await runScript(script, as: alice, launcher)
        }
        let missing = try await launchError(Command(.path("/no/such/program")), as: alice, launcher)
        #expect(missing.code == .executableNotStarted)
        try service.become(scripted: "account:wait=GATE")
        let waiting = Task { try await launcher.launch(sleeper, as: alice) }
        while count("account", service) < 5 { try await Task.sleep(for: .milliseconds(1)) }
        waiting.cancel()
        try await Task.sleep(for: .milliseconds(20))
        try service.openGate()
        await #expect(throws: LaunchError.self) { try await waiting.value }
        #expect(count("close", service) == 0)
        try await service.waitForClose()
        expectBalance(service, 1)
    }

    @Test("counts each of its jobs, once")
    func places() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: policy(service) + ["maximum-jobs = 2", "maximum-jobs-per-peer = 2"])
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        let alice = try await TestBed.alice.identity
        let jobs = [try await launcher.launch(sleeper, as: alice), try await launcher.launch(sleeper, as: alice)]
        let error = try await launchError(Command(.path("/bin/true")), as: alice, launcher)
        #expect(error.message.contains("too-many-jobs"))
        for job in jobs { _ = try await job.terminate(gracePeriod: .zero) }
        for _ in 0..<40 {
            let process = try await launchInTime(launcher, Command(.path("/bin/true")), as: alice)
            #expect(try await process.exitReport().status == .exited(0))
        }
        #expect(count("open", service) == 1)
    }
}

extension String {
    fileprivate func padding(_ count: Int) -> String { String(repeating: self, count: count) }
}
