import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("A session of PAM that cannot be opened", .testBed)
struct SessionFailureTests {
    private static let goingOn = "pam-session-failure = continue"
    private let sleeper = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))

    /// The session keyrings of a name that anybody has.
    private func keyrings(_ name: String) throws -> Int {
        try ProcFile.read("/proc/keys").split(separator: "\n").count { $0.contains(name) }
    }

    @Test("lets the job run without where the policy says so, with its credentials and nothing of what has failed")
    func goesOn() async throws {
        let keyring = "forgone-\(UInt32.random(in: 0...UInt32.max))"
        // Root of a namespace takes no priority back, and nobody a hard limit without CAP_SYS_RESOURCE.
        let priority = TestBed.hasMachineRoot ? "[open:nice=3]" : ""
        var limit = rlimit()
        #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        let words =
            "[*:record=\(PAMService.journalMark)] [cred:group=3005] [cred:putenv=KRB5CCNAME=FILE:/tmp/krb5cc_2001_x] "
            + "[open:group=3004] [open:umask=077] [open:putenv=SHOT=s001] [open:putenv=KRB5CCNAME=FILE:/tmp/other] "
            + "[open:keyring=\(keyring)] [open:info=because] \(priority) "
            + "[open:limit=7/333/\(limit.rlim_max)] [open:return=14]"
        let service = try PAMService(
            ["auth", "account", "session"].map { "\($0) required \(PAMService.module) \(words)" }
        )
        let quiet = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(
            policy: ["peers = 0", "pam-services = \(service.name) \(quiet.name)", Self.goingOn]
        )
        let probe = Command(.path(FilePath(TestBed.probe)))
        let (result, usual) = (
            try await run(probe, as: TestBed.alice.identity, PAMLauncher(helper, service)),
            try await run(probe, as: TestBed.alice.identity, PAMLauncher(helper, quiet))
        )
        let (report, other) = (
            try ProbeReport(json: result.exit.standardOutput?.bytes ?? []),
            try ProbeReport(json: usual.exit.standardOutput?.bytes ?? [])
        )
        #expect(report.userID == .all(2001))
        #expect(report.groups == (TestBed.alice.groups + [3005]).sorted())
        #expect(report.variables == other.variables.merging(["KRB5CCNAME": "FILE:/tmp/krb5cc_2001_x"]) { $1 })
        #expect(report.limits == other.limits)
        #expect(report.umask == 0o022)
        #expect(report.nice == 0)
        #expect(report.sessionKeyring?.hasSuffix(";_ses") == true)
        #expect(report.capabilities == .none)

        #expect(service.stages == ["account", "cred", "open", "uncred"])
        #expect(service.records.allSatisfy { $0.userID == 0 })
        #expect(Set(service.records.map(\.process)).count == 1)
        let session = try #require(result.process.report.session)
        #expect(session.addedGroups == [GroupID(3005)])
        #expect(!session.isShared)
        let end = "; the job goes on without its session, as pam-session-failure of the policy has it"
        #expect(session.messages.first?.hasPrefix("the PAM service") == true, "\(session.messages)")
        #expect(session.messages.first?.hasSuffix(end) == true, "\(session.messages)")
        #expect(session.messages.dropFirst() == ["because"])
        #expect(helper.log.contains("job as alice: the PAM service"))
        #expect(helper.log.contains("the job goes on without its session"))
        #expect(usual.process.report.session?.messages == ["x", "x", "x"])

        // The process has left the keyring as well: nobody has it any more while the job runs.
        let job = try await PAMLauncher(helper, service).launch(sleeper, as: TestBed.alice.identity)
        #expect(try await isSoon { try keyrings(keyring) == 0 })
        _ = try await job.terminate(gracePeriod: .zero)
        #expect(service.stages.filter { $0 == "uncred" }.count == 2)
    }

    @Test("is refused otherwise", arguments: [[], ["pam-session-failure = refuse"]])
    func refused(_ lines: [String]) async throws {
        let service = try PAMService(scripted: "open:return=14")
        let helper = try RunningHelper(policy: service.policy + lines)
        let error = try await launchError(
            Command(.path("/bin/true")),
            as: TestBed.alice.identity,
            PAMLauncher(helper, service)
        )
        #expect(error.code == .sessionFailed)
        #expect(error.step == .openSession)
        try await service.waitForClose()
        #expect(service.stages == ["account", "cred", "open", "uncred"])
    }

    /// What goes wrong beside a step that says no.
    struct Trouble: CustomTestStringConvertible, Sendable {
        let actions: [String]
        let code: LaunchError.Code
        /// What modules were asked for.
        let stages: [String]

        var testDescription: String { actions.joined(separator: " ") }
    }

    static let troubles = [
        Trouble(actions: ["account:return=6"], code: .accountRefused, stages: ["account"]),
        Trouble(actions: ["cred:return=17"], code: .sessionFailed, stages: ["account", "cred"]),
        Trouble(
            actions: ["open:user=bob", "open:return=14"],
            code: .accountRefused,
            stages: ["account", "cred", "open", "uncred"]
        ),
        Trouble(
            actions: ["open:become=2002", "open:return=14"],
            code: .sessionFailed,
            stages: ["account", "cred", "open", "uncred"]
        ),
        Trouble(
            actions: ["open:become=2002"],
            code: .sessionFailed,
            stages: ["account", "cred", "open", "close", "uncred"]
        ),
        Trouble(actions: ["open:return=26"], code: .sessionFailed, stages: ["account", "cred", "open", "uncred"]),
        // PAM_INCOMPLETE: the step is to be asked for once more, and nothing else.
        Trouble(actions: ["open:return=31"], code: .sessionFailed, stages: ["account", "cred", "open"]),
        Trouble(
            actions: ["open:mounts=own", "open:return=14"],
            code: .sessionFailed,
            stages: ["account", "cred", "open", "uncred"]
        ),
        Trouble(
            actions: ["open:network=own", "open:return=14"],
            code: .sessionFailed,
            stages: ["account", "cred", "open", "uncred"]
        ),
        Trouble(
            actions: ["open:bar=", "open:return=14"],
            code: .sessionFailed,
            stages: ["account", "cred", "open", "uncred"]
        ),
        Trouble(
            actions: ["cred:keyring=first", "open:keyring=second", "open:return=14"],
            code: .sessionFailed,
            stages: ["account", "cred", "open", "uncred"]
        ),
        Trouble(actions: ["open:hang="], code: .deadlineExceeded, stages: ["account", "cred", "open"]),
        Trouble(actions: ["open:raise=9"], code: .helperLost, stages: ["account", "cred", "open"]),
    ]

    @Test("is one thing, and what else goes wrong is refused whatever becomes of that", arguments: troubles)
    func others(_ trouble: Trouble) async throws {
        let words = (["*:record=\(PAMService.journalMark)"] + trouble.actions).map { "[\($0)]" }.joined(separator: " ")
        let service = try PAMService(
            ["auth", "account", "session"].map { "\($0) required \(PAMService.module) \(words)" }
        )
        let helper = try RunningHelper(policy: service.policy + [Self.goingOn])
        let marker = freshPath("marker")
        var command = Command(.path("/usr/bin/touch"), arguments: [marker.string])
        if trouble.code == .deadlineExceeded { command.startDeadline = .seconds(2) }
        let error = try await launchError(command, as: TestBed.alice.identity, PAMLauncher(helper, service))
        #expect(error.code == trouble.code, "\(error)")
        if trouble.stages.last == "uncred" { try await service.waitForClose() }
        #expect(service.stages == trouble.stages)
        #expect(!exists(marker))
        #expect(!helper.log.contains("without its session"))
    }

    @Test("takes nothing from the password that was proven, nor from what the policy demands of daemons")
    func password() async throws {
        let service = try PAMService(scripted: "auth:expect=alice-secret", "open:return=14")
        let helper = try RunningHelper(policy: service.policy + [Self.goingOn, "pam-sessions = authenticated"])
        let right = try await store("alice-secret", for: TestBed.alice)
        let result = try await run(
            Command(.path("/bin/true")),
            as: TestBed.alice.identity,
            PAMLauncher(helper, service, .password(from: right))
        )
        #expect(result.exit.status == .exited(0))
        #expect(service.stages == ["auth", "account", "cred", "open", "uncred"])
        #expect(try await right.status(of: TestBed.alice.identity.account.name)?.lastAccepted != nil)
        let wrong = try await store("not-alice-secret", for: TestBed.alice)
        let error = try await launchError(
            Command(.path("/bin/true")),
            as: TestBed.alice.identity,
            PAMLauncher(helper, service, .password(from: wrong))
        )
        #expect(error.code == .accountRefused)
        #expect(error.sessionRefusal?.reason == .wrongPassword)
    }

    @Test("does not let a group in that the policy denies, and its credentials are deleted")
    func deniedGroup() async throws {
        let service = try PAMService(scripted: "cred:group=3005", "open:return=14")
        let helper = try RunningHelper(policy: service.policy + [Self.goingOn, "denied-groups = 3005"])
        let error = try await launchError(
            Command(.path("/bin/true")),
            as: TestBed.alice.identity,
            PAMLauncher(helper, service)
        )
        #expect(error.code == .refused)
        #expect(error.message.contains("group-not-permitted"))
        try await service.waitForClose()
        #expect(service.stages == ["account", "cred", "open", "uncred"])
    }

    @Test("is kept for no other job, and the next one that can be is shared again")
    func shared() async throws {
        let service = try PAMService(scripted: "open:return=14")
        let helper = try RunningHelper(policy: service.policy + [Self.goingOn, "pam-session-idle = 3600"])
        let launcher = PAMLauncher(helper, service, sessions: .shared(idleTime: .seconds(3_600)))
        let alice = try await TestBed.alice.identity
        let jobs = try await withThrowingTaskGroup(of: LaunchedProcess.self) { group in
            for _ in 0..<4 { group.addTask { try await launcher.launch(sleeper, as: alice) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(jobs.allSatisfy { $0.report.session?.isShared == false })
        #expect(service.stages.count { $0 == "open" } == 4)
        try service.become(scripted: "*:info=x")
        let job = try await launcher.launch(sleeper, as: alice)
        #expect(job.report.session?.isShared == true)
        for job in jobs + [job] { _ = try await job.terminate(gracePeriod: .zero) }
        #expect(service.stages.count { $0 == "uncred" } == 4)
        #expect(!service.stages.contains("close"))
    }
}
