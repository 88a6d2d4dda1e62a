import CHelperService
import Glibc
import HelperService
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The process that keeps a session of PAM", .testBed)
struct PAMProcessTests {
    /// What modules can change of a process, as the kernel tells it.
    private static func traits(of process: pid_t) throws -> [String: String] {
        var traits: [String: String] = [:]
        let wanted = ["Umask", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "CapEff"]
        for line in try ProcFile.read(FilePath("/proc/\(process)/status")).split(separator: "\n") {
            let name = String(line.prefix { $0 != ":" })
            if wanted.contains(name) { traits[name] = String(line.dropFirst(name.count + 1)) }
        }
        traits["limits"] = try ProcFile.read(FilePath("/proc/\(process)/limits"))
        traits["nice"] = "\(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(process)))"
        var path = [CChar](repeating: 0, count: 4_096)
        let size = unsafe readlink("/proc/\(process)/cwd", &path, path.count)
        traits["directory"] = String(decoding: path.prefix(max(size, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return traits
    }

    /// The process that has opened the session of a job of a service, while the job runs.
    private func traits(withSessionOf service: PAMService, policy: [String] = []) async throws -> [String: String] {
        let helper = try RunningHelper(policy: service.policy + policy)
        let job = try await PAMLauncher(helper, service)
            .launch(patient(Command(.path("/bin/sleep"), arguments: ["100000"])), as: TestBed.alice.identity)
        let found = try Self.traits(of: try #require(service.records.last).process)
        _ = try await job.terminate(gracePeriod: .zero)
        return found
    }

    @Test("has back what modules have changed of it, as soon as the job runs")
    func traits() async throws {
        let quiet = try await traits(withSessionOf: try PAMService(scripted: "*:info=x"))
        #expect(quiet["directory"] == "/")
        #expect(quiet["Uid"] == "\t0\t0\t0\t0")
        // Without CAP_SYS_RESOURCE nobody raises a hard limit again, and what is left of it is the session's; root of a namespace
        // has neither that nor CAP_SYS_NICE for what belongs to the machine.
        let limits = [["open:limit=4/1/1"], ["open:limit=7/333/444"]]
        let raisesLimits = try #require(quiet["CapEff"].flatMap { UInt64($0.dropFirst(), radix: 16) }) & 1 << 24 != 0
        for changes in [
            ["cred:group=3005"], ["open:umask=077"],
            ["account:block=", "open:block="], ["open:ignore=\(SIGCHLD)"], ["open:default=\(SIGPIPE)"],
            ["cred:chdir=/proc", "open:chdir=/tmp"],
        ] + (TestBed.hasMachineRoot ? [["open:nice=3"]] + (raisesLimits ? limits : []) : []) {
            let words = (["*:record=\(PAMService.journalMark)"] + changes).map { "[\($0)]" }.joined(separator: " ")
            let service = try PAMService(
                ["auth", "account", "session"].map { "\($0) required \(PAMService.module) \(words)" }
            )
            let found = try await traits(withSessionOf: service)
            for (name, value) in quiet { #expect(found[name] == value, "\(changes): \(name)") }
            // Also where the step fails, and the job runs without a session.
            guard changes.last?.hasPrefix("open:") == true else { continue }
            let broken = try PAMService(
                ["auth", "account", "session"].map { "\($0) required \(PAMService.module) \(words) [open:return=14]" }
            )
            let rest = try await traits(withSessionOf: broken, policy: ["pam-session-failure = continue"])
            for (name, value) in quiet { #expect(rest[name] == value, "without a session, \(changes): \(name)") }
        }
    }

    @Test("shows modules an environment of its own, and nothing of the helper's, at any step")
    func environment() async throws {
        let service = try PAMService(
            scripted: "auth:expect=alice-secret",
            "*:environ=\(PAMService.environmentMark)"
        )
        let helper = try RunningHelper(
            policy: service.policy,
            variables: ["HELPER_MARKER=canary", "LD_BIND_NOW=1", "KRB5CCNAME=FILE:/root/krb5cc", "HOME=/root"]
        )
        // What is there is found.
        #expect(try ProcFile.read(FilePath("/proc/\(helper.process)/environ")).contains("HELPER_MARKER=canary"))
        let launcher = PAMLauncher(
            helper,
            service,
            .password(from: try await store("alice-secret", for: TestBed.alice))
        )
        let result = try await run(Command(.path("/usr/bin/env")), as: TestBed.alice.identity, launcher)
        #expect(result.exit.status == .exited(0))
        #expect(result.text.contains("USER=alice"))
        #expect(!result.text.contains("canary"))
        #expect(!result.text.contains("KRB5CCNAME"))
        try await service.waitForClose()
        #expect(service.stages == ["auth", "account", "cred", "open", "close", "uncred"])
        #expect(service.environment == Array(repeating: "PATH=/usr/sbin:/usr/bin:/sbin:/bin", count: 6))
    }

    @Test(
        "tells how the job ended, and closes the session, whatever modules leave behind",
        arguments: [
            "block=", "ignore=\(SIGCHLD)", "default=\(SIGPIPE)", "alarm=200", "chdir=/proc",
        ]
    )
    func leftovers(_ change: String) async throws {
        let service = try PAMService(scripted: "account:\(change)", "cred:\(change)", "open:\(change)")
        let helper = try RunningHelper(policy: service.policy)
        // Longer than the alarm.
        let result = try await runScript("sleep 0.5; exit 5", as: TestBed.alice.identity, PAMLauncher(helper, service))
        #expect(result.exit.status == .exited(5))
        #expect(service.stages == ["account", "cred", "open", "close", "uncred"])
        let process = try await PAMLauncher(helper, service)
            .launch(patient(Command(.path("/bin/sleep"), arguments: ["100000"])), as: TestBed.alice.identity)
        #expect(kill(try #require(service.records.last).process, SIGTERM) == 0)
        #expect(try await process.exitReport().status == .signaled(.terminate, coreDumped: false))
        try await service.waitForClose(2)
        #expect(service.stages.filter { $0 == "close" }.count == 2)
    }

    @Test("says which step hangs, also when an earlier one has blocked every signal")
    func deadline() async throws {
        let service = try PAMService(scripted: "account:block=", "open:hang=")
        let helper = try RunningHelper(policy: service.policy)
        var command = Command(.path("/bin/true"))
        command.startDeadline = .milliseconds(500)
        let error = try await launchError(command, as: TestBed.alice.identity, PAMLauncher(helper, service))
        #expect(error.code == .deadlineExceeded)
        #expect(error.step == .openSession)
    }

    @Test("is not the daemon, of which modules change nothing: not its keyring or login id either")
    func daemon() async throws {
        let actions = [
            "*:record=\(PAMService.journalMark)", "cred:group=3005", "open:umask=077", "open:nice=3",
            "open:limit=4/1/1",
            "open:putenv=SHOT=1", "open:chdir=/proc", "open:block=", "open:ignore=\(SIGCHLD)",
        ]
        let scripted = "\(PAMService.module) \(actions.map { "[\($0)]" }.joined(separator: " "))"
        let service = try PAMService([
            "auth required \(scripted)", "account required \(scripted)", "session required pam_keyinit.so force revoke",
            "session required pam_loginuid.so", "session required \(scripted)",
        ])
        let helper = try RunningHelper(policy: service.policy)
        await #expect(processExitsWith: .success) {
            [socket = helper.socket.string as String, name = service.name as String] in
            let launcher = PAMLauncher(through: SystemHelperLauncher(socket: FilePath(socket)), service: name)
            let before = try Self.state()
            let result = try await run(Command(.path(FilePath(TestBed.probe))), as: TestBed.alice.identity, launcher)
            #expect(result.exit.status == .exited(0))
            #expect(try Self.state() == before)
            // What the daemon has not got, the job has.
            let report = try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
            #expect(report.sessionKeyring?.contains(";2001;") == true)
            if TestBed.hasMachineRoot { #expect(report.loginUserID == 2001) }
            // What is changed is seen.
            #expect(helper_keyring_leave() == 0)
            #expect(try Self.state().filter { !before.contains($0) }.map { $0.prefix { $0 != ":" } } == ["keyring"])
        }
        #expect(service.stages == ["account", "cred", "open", "close", "uncred"])
    }

    /// What modules could have changed of this process.
    private static func state() throws -> [String] {
        // A thread that makes another one has all signals blocked meanwhile, and the first thread may be one that does.
        var traits = try traits(of: getpid())
        for _ in 0..<1_000 where traits["SigBlk"]?.contains("fffffffffffbfeff") == true {
            traits = try self.traits(of: getpid())
        }
        var found = traits.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        for file in ["environ", "loginuid", "sessionid"] {
            found.append("\(file): \((try? ProcFile.read(FilePath("/proc/self/\(file)"))) ?? "")")
        }
        var own = helper_traits()
        unsafe helper_traits_read(&own)
        return found + ["keyring: \(own.keyring)"]
    }

    @Test("has the modules of every service before the first daemon comes")
    func modules() async throws {
        let service = try PAMService(scripted: "*:info=x")
        // The first one of the policy's is rehearsed, for which PAM loads its modules itself.
        let helper = try RunningHelper(policy: ["peers = 0", "pam-services = open \(service.name)"])
        try await wait { helper.monitors.count == HelperContext.parkedByDefault }
        for process in helper.monitors {
            #expect(try ProcFile.read(FilePath("/proc/\(process)/maps")).contains(PAMService.module))
        }
        #expect(service.stages.isEmpty)
    }

    // PAM follows a circle until its stack is full, and an include of nothing to nowhere: the first process of a helper, which
    // begins with a service for a rehearsal, would be the first to crash.
    @Test(
        "is not even begun with a service over which PAM crashes: no helper is started with one",
        arguments: [("@include SELF", "it includes itself"), ("session include", "PAM crashes over it (signal 11)")]
    )
    func crashingService(line: String, words: String) throws {
        let service = try PAMService(scripted: "*:info=x")
        try service.become(["auth required pam_permit.so", line.replacing("SELF", with: service.name)])
        let ended = #expect(throws: RunningHelper.HelperEnded.self) {
            try RunningHelper(policy: ["peers = 0", "pam-services = open \(service.name)"])
        }
        let log = ended?.log ?? ""
        #expect(log.contains("the PAM service \(service.name) cannot be used: \(words)"), "\(log)")
        #expect(log.contains("or take the service out of the policy"), "\(log)")
    }
}
