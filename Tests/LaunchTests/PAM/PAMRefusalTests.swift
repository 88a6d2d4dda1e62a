import Glibc
import LaunchProtocol
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("PAM lets nobody in", .testBed)
struct PAMRefusalTests {
    /// What PAM says where, and what that means.
    struct Answer: CustomTestStringConvertible, Sendable {
        let stage: String
        let code: Int32
        let step: LaunchStep
        let error: LaunchError.Code
        let reason: SessionRefusal.Reason
        var authenticates = false

        var testDescription: String { "\(stage) \(code)" }
    }

    static let answers = [
        Answer(
            stage: "auth",
            code: 7,
            step: .authenticate,
            error: .accountRefused,
            reason: .wrongPassword,
            authenticates: true
        ),
        Answer(
            stage: "auth",
            code: 10,
            step: .authenticate,
            error: .accountRefused,
            reason: .unknownAccount,
            authenticates: true
        ),
        Answer(
            stage: "auth",
            code: 11,
            step: .authenticate,
            error: .accountRefused,
            reason: .locked,
            authenticates: true
        ),
        Answer(
            stage: "auth",
            code: 6,
            step: .authenticate,
            error: .accountRefused,
            reason: .accessDenied,
            authenticates: true
        ),
        Answer(
            stage: "auth",
            code: 9,
            step: .authenticate,
            error: .directoryUnavailable,
            reason: .serviceUnavailable,
            authenticates: true
        ),
        Answer(
            stage: "auth",
            code: 4,
            step: .authenticate,
            error: .sessionFailed,
            reason: .sessionFailed,
            authenticates: true
        ),
        Answer(stage: "account", code: 12, step: .checkAccount, error: .accountRefused, reason: .passwordExpired),
        Answer(stage: "account", code: 13, step: .checkAccount, error: .accountRefused, reason: .accountExpired),
        Answer(stage: "account", code: 6, step: .checkAccount, error: .accountRefused, reason: .accessDenied),
        Answer(stage: "account", code: 7, step: .checkAccount, error: .accountRefused, reason: .accessDenied),
        Answer(stage: "account", code: 10, step: .checkAccount, error: .accountRefused, reason: .unknownAccount),
        Answer(
            stage: "account",
            code: 9,
            step: .checkAccount,
            error: .directoryUnavailable,
            reason: .serviceUnavailable
        ),
        Answer(stage: "cred", code: 17, step: .establishCredentials, error: .sessionFailed, reason: .sessionFailed),
        Answer(stage: "open", code: 14, step: .openSession, error: .sessionFailed, reason: .sessionFailed),
    ]

    @Test("and says where, why and with which words of its own", arguments: answers)
    func says(_ answer: Answer) async throws {
        let service = try PAMService(
            scripted: "\(answer.stage):info=because",
            "auth:expect=x",
            "\(answer.stage):return=\(answer.code)"
        )
        let helper = try RunningHelper(policy: service.policy)
        let authentication: PAMLauncher.Authentication =
            answer.authenticates ? .password(from: try await store("x", for: TestBed.alice)) : .none
        let marker = freshPath("marker")
        let error = try await launchError(
            Command(.path("/usr/bin/touch"), arguments: [marker.string]),
            as: TestBed.alice.identity,
            PAMLauncher(helper, service, authentication)
        )
        #expect(error.code == answer.error)
        #expect(error.step == answer.step)
        #expect(error.sessionRefusal?.reason == answer.reason)
        #expect(error.sessionRefusal?.code == answer.code)
        #expect(error.sessionRefusal?.text.isEmpty == false)
        #expect(error.sessionRefusal?.messages == ["because"])
        #expect(error.message.contains("the PAM service \(service.name) said"))
        #expect(!exists(marker))
        // What was begun is ended.
        #expect(service.stages.contains("uncred") == (answer.stage == "open"))
        #expect(!service.stages.contains("close"))
    }

    @Test(
        "of whom the real pam_unix says no",
        arguments: [
            ("expired", SessionRefusal.Reason.accountExpired), ("mustchange", .passwordExpired),
            ("stale", .passwordExpired),
        ]
    )
    func unix(_ name: String, _ reason: SessionRefusal.Reason) async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "pam-services = impersonation"])
        let account = try #require(
            try await NSSAccountDirectory().account(named: AccountName(name), freshness: .current)
        )
        let identity = ExecutionIdentity(admitted: account, login: account.name, mode: .user, method: .switchAccount)
        let error = try await launchError(
            Command(.path("/bin/true")),
            as: identity,
            PAMLauncher(through: SystemHelperLauncher(socket: helper.socket))
        )
        #expect(error.code == .accountRefused)
        #expect(error.sessionRefusal?.reason == reason, "\(error)")
    }

    @Test("with the wrong password, which is remembered; with the right one it does")
    func passwords() async throws {
        let service = try PAMService([
            "auth required pam_unix.so nodelay", "account required pam_unix.so", "session required pam_permit.so",
        ])
        let helper = try RunningHelper(policy: service.policy)
        let alice = try await TestBed.alice.identity
        let wrong = try await store("not-alice-secret", for: TestBed.alice)
        let error = try await launchError(
            Command(.path("/bin/true")),
            as: alice,
            PAMLauncher(helper, service, .password(from: wrong))
        )
        #expect(error.sessionRefusal?.reason == .wrongPassword)
        #expect(try await wrong.status(of: alice.account.name)?.rejection?.reason == .rejected)
        let again = try await launchError(
            Command(.path("/bin/true")),
            as: alice,
            PAMLauncher(helper, service, .password(from: wrong))
        )
        #expect(again.code == .credentialUnavailable)

        let right = try await store("alice-secret", for: TestBed.alice)
        let result = try await run(
            Command(.path("/bin/true")),
            as: alice,
            PAMLauncher(helper, service, .password(from: right))
        )
        #expect(result.exit.status == .exited(0))
        #expect(try await right.status(of: alice.account.name)?.lastAccepted != nil)
    }

    @Test("with a password of which nobody knows what came of it: it is registered still, and tried by the next launch")
    func lostAnswer() async throws {
        let service = try PAMService(scripted: "auth:expect=alice-secret", "auth:raise=9")
        let helper = try RunningHelper(policy: service.policy)
        let alice = try await TestBed.alice.identity
        let passwords = try await store("alice-secret", for: TestBed.alice)
        let launcher = PAMLauncher(helper, service, .password(from: passwords))
        let error = try await launchError(Command(.path("/bin/true")), as: alice, launcher)
        #expect(error.code == .helperLost)
        #expect(try await passwords.status(of: alice.account.name)?.rejection == nil)
        try service.become(scripted: "auth:expect=alice-secret")
        let result = try await run(Command(.path("/bin/true")), as: alice, launcher)
        #expect(result.exit.status == .exited(0))
    }

    @Test("with a reason that is told also where modules say more than there is room for, and one of them hangs then")
    func longWords() async throws {
        let error = try await ScriptedSession("open:noise=15", "open:return=14", "uncred:hang=").error()
        #expect(error.code == .sessionFailed)
        #expect(error.step == .openSession)
        #expect(error.sessionRefusal?.code == 14)
        #expect(error.sessionRefusal?.messages == [])
        #expect(error.message.contains("\\u{1}"))
    }

    @Test("who is made somebody else by a module, as whom no job ever runs")
    func otherUser() async throws {
        for (stage, name) in [
            ("account", "root"), ("account", "bob"), ("open", "root"), ("open", "bob"), ("account", "nobody-there"),
        ] {
            let session = try ScriptedSession("\(stage):user=\(name)")
            let error = try await session.error()
            #expect(error.code == .accountRefused)
            #expect(error.message.contains("a module has made \"\(name)\" of \"alice\""))
            let service = session.service
            let begun = service.stages.filter { $0 == "open" }.count
            #expect(service.stages.filter { $0 == "close" }.count == begun)
        }
    }

    @Test(
        "who is made somebody else by a module whose name is longer than any message",
        arguments: ["account", "open"]
    )
    func longName(_ stage: String) async throws {
        let session = try ScriptedSession("\(stage):longuser=100000")
        let error = try await session.error()
        #expect(error.code == .accountRefused, "\(error.code)")
        #expect(error.step == .checkAccount)
        #expect(error.message.contains("a module has made \"\(String(repeating: "x", count: 256))\" of \"alice\""))
        #expect(error.message.utf8.count < 1_500)
        try await session.service.waitForClose(stage == "open" ? 1 : 0)
        #expect(session.service.stages.contains("close") == (stage == "open"))
    }

    @Test("whom nobody has asked for the password, of which that says nothing")
    func unasked() async throws {
        let gate = try PAMService([
            "auth requisite pam_deny.so", "auth required pam_unix.so", "account required pam_permit.so",
            "session required pam_permit.so",
        ])
        let helper = try RunningHelper(policy: ["peers = 0", "pam-services = \(gate.name) no-such-service"])
        for service in [gate.name, "no-such-service"] {
            let right = try await store("alice-secret", for: TestBed.alice)
            let launcher = PAMLauncher(
                through: SystemHelperLauncher(socket: helper.socket),
                service: service,
                authentication: .password(from: right)
            )
            let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
            #expect(error.sessionRefusal?.reason == .accessDenied)
            #expect(error.sessionRefusal?.hasSeenPassword == false)
            #expect(try await right.status(of: TestBed.alice.identity.account.name)?.rejection == nil)
        }
    }

    @Test(
        "of whom others than the password are the cause, and the password stays good",
        arguments: [4, 6, 9, 10, 11, 13]
    )
    func otherCauses(_ code: Int32) async throws {
        let right = try await store("alice-secret", for: TestBed.alice)
        let session = try ScriptedSession("auth:expect=alice-secret", "auth:return=\(code)")
        let error = try await session.error(Command(.path("/bin/true")), .password(from: right))
        #expect(error.sessionRefusal?.hasSeenPassword == true)
        #expect(try await right.status(of: TestBed.alice.identity.account.name)?.rejection == nil)
    }

    @Test("as often as there are launches at once: a password that has changed is tried one time, and told at once")
    func oneTry() async throws {
        // pam_unix would have everybody wait for two seconds.
        let service = try PAMService([
            "auth optional \(PAMService.module) [auth:record=\(PAMService.journalMark)]", "auth required pam_unix.so",
            "account required pam_permit.so", "session required pam_permit.so",
        ])
        let helper = try RunningHelper(policy: service.policy)
        let launcher = PAMLauncher(helper, service, .password(from: try await store("old-secret", for: TestBed.alice)))
        let alice = try await TestBed.alice.identity
        let codes = try await withThrowingTaskGroup(of: LaunchError.Code.self) { group in
            for _ in 0..<6 {
                group.addTask { try await launchError(Command(.path("/bin/true")), as: alice, launcher).code }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes.filter { $0 == .accountRefused }.count == 1)
        #expect(codes.filter { $0 == .credentialUnavailable }.count == 5)
        #expect(service.stages.filter { $0 == "auth" }.count == 1)
    }

    @Test(
        "with the right password either, when the session cannot be opened: it stays good, and what was begun is ended"
    )
    func sessionAfterPassword() async throws {
        let service = try PAMService(scripted: "auth:expect=alice-secret", "open:return=14")
        let helper = try RunningHelper(policy: service.policy)
        let right = try await store("alice-secret", for: TestBed.alice)
        let marker = freshPath("marker")
        let error = try await launchError(
            Command(.path("/usr/bin/touch"), arguments: [marker.string]),
            as: TestBed.alice.identity,
            PAMLauncher(helper, service, .password(from: right))
        )
        #expect(error.code == .sessionFailed)
        #expect(error.step == .openSession)
        #expect(!exists(marker))
        #expect(service.stages == ["auth", "account", "cred", "open", "uncred"])
        #expect(Set(service.records.map(\.process)).count == 1)
        #expect(try await right.status(of: TestBed.alice.identity.account.name)?.rejection == nil)
    }

    @Test("in a group that the policy denies, though a module adds it")
    func deniedGroup() async throws {
        let session = try ScriptedSession("cred:group=3005", policy: ["denied-groups = 3005"])
        let error = try await session.error()
        #expect(error.code == .refused)
        #expect(error.message.contains("group-not-permitted"))
        try await session.service.waitForClose()
        #expect(session.service.stages == ["account", "cred", "open", "close", "uncred"])
    }

    @Test("without a session, or a password, where the policy demands it")
    func demands() async throws {
        let service = try PAMService(scripted: "auth:expect=alice-secret")
        let alice = try await TestBed.alice.identity
        for (demand, plain, session) in [
            ("optional", true, true), ("required", false, true), ("authenticated", false, false),
        ] {
            let helper = try RunningHelper(policy: service.policy + ["pam-sessions = \(demand)"])
            let launchers: [(any ProcessLauncher, Bool)] = [
                (SystemHelperLauncher(socket: helper.socket), plain), (PAMLauncher(helper, service), session),
                (
                    PAMLauncher(helper, service, .password(from: try await store("alice-secret", for: TestBed.alice))),
                    true
                ),
            ]
            for (launcher, isPermitted) in launchers {
                guard !isPermitted else {
                    #expect(try await run(Command(.path("/bin/true")), as: alice, launcher).exit.status == .exited(0))
                    continue
                }
                let error = try await launchError(Command(.path("/bin/true")), as: alice, launcher)
                #expect(error.message.contains("pam-session-required"))
            }
        }
    }

    @Test("but whom a module spells otherwise, it does: the user id is the same")
    func otherSpelling() async throws {
        let service = try PAMService(scripted: "account:user=bob2")
        let helper = try RunningHelper(policy: service.policy)
        let result = try await run(
            Command(.path(FilePath(TestBed.probe))),
            as: TestBed.bob.identity,
            PAMLauncher(helper, service)
        )
        let report = try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
        #expect(report.userID == .all(2002))
        #expect(report.variables["USER"] == "bob")
    }

    @Test("whose module asks for more than the password")
    func moreQuestions() async throws {
        let service = try PAMService(scripted: "auth:expect=alice-secret", "auth:ask=New password: ")
        let helper = try RunningHelper(policy: service.policy)
        let error = try await launchError(
            Command(.path("/bin/true")),
            as: TestBed.alice.identity,
            PAMLauncher(helper, service, .password(from: try await store("alice-secret", for: TestBed.alice)))
        )
        #expect(error.sessionRefusal?.reason == .questionUnanswered)
        #expect(error.sessionRefusal?.messages == ["New password: "])
        // Most modules make an ordinary refusal of a question without an answer; the password that was right stays so.
        let second = try PAMService([
            "auth required \(PAMService.module) [auth:expect=alice-secret]",
            "auth required \(PAMService.module) [auth:demand=Verification code: ]",
            "account required pam_permit.so", "session required pam_permit.so",
        ])
        let third = try RunningHelper(policy: second.policy)
        let right = try await store("alice-secret", for: TestBed.alice)
        let refused = try await launchError(
            Command(.path("/bin/true")),
            as: TestBed.alice.identity,
            PAMLauncher(third, second, .password(from: right))
        )
        #expect(refused.sessionRefusal?.code == 7)
        #expect(refused.sessionRefusal?.reason == .questionUnanswered)
        #expect(try await right.status(of: TestBed.alice.identity.account.name)?.rejection == nil)
        // Nobody is asked where nothing is to be proven.
        let silent = try PAMService(scripted: "account:ask=Password: ")
        let other = try RunningHelper(policy: silent.policy)
        let asked = try await launchError(
            Command(.path("/bin/true")),
            as: TestBed.alice.identity,
            PAMLauncher(other, silent)
        )
        #expect(asked.sessionRefusal?.reason == .questionUnanswered)
    }

    @Test("in time, also behind launches of the account that a module holds up, and not once it was cancelled")
    func waiting() async throws {
        let service = try PAMService(scripted: "auth:wait=GATE", "auth:expect=alice-secret")
        let helper = try RunningHelper(policy: service.policy)
        let right = try await store("alice-secret", for: TestBed.alice)
        let launcher = PAMLauncher(helper, service, .password(from: right))
        let alice = try await TestBed.alice.identity
        let first = Task { try await launcher.launch(patient(Command(.path("/bin/true"))), as: alice) }
        while !service.stages.contains("auth") { try await Task.sleep(for: .milliseconds(1)) }
        var command = Command(.path("/bin/true"))
        command.startDeadline = .milliseconds(300)
        let late = try await launchError(command, as: alice, launcher)
        #expect(late.code == .deadlineExceeded)
        #expect(late.step == .authenticate)
        #expect(late.message.contains("one after the other"))
        let cancelled = Task { try await launcher.launch(patient(Command(.path("/bin/true"))), as: alice) }
        try await Task.sleep(for: .milliseconds(20))
        cancelled.cancel()
        do {
            _ = try await cancelled.value
            Issue.record("it was launched")
        } catch let error as LaunchError {
            #expect(error.code == .cancelled)
        }
        // Neither of them has asked for anything.
        #expect(service.stages.count { $0 == "auth" } == 1)
        try service.openGate()
        _ = try await first.value.exitReport()
        // The turn has gone past those that gave up.
        _ = try await run(Command(.path("/bin/true")), as: alice, launcher)
    }

    @Test("with a password of the wrong length, and with the longest one it does")
    func lengths() async throws {
        let longest = String(repeating: "p", count: 511)
        let service = try PAMService(scripted: "auth:expect=\(longest)")
        let helper = try RunningHelper(policy: service.policy)
        let launcher = PAMLauncher(helper, service, .password(from: try await store(longest, for: TestBed.alice)))
        #expect(
            try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher).exit.status == .exited(0)
        )

        for length in [0, 512, 513, 65_536] {
            let client = try RawClient(helper)
            let (reading, writing) = try OwnedDescriptor.pipe()
            let bytes = [UInt8](repeating: UInt8(ascii: "p"), count: length)
            let written = unsafe bytes.withUnsafeBytes {
                unsafe write(writing.rawValue, $0.baseAddress, min($0.count, 60_000))
            }
            #expect(written == min(length, 60_000))
            writing.closeNow()
            try client.greet()
            try client.order(password: reading) {
                $0.session = .init(service: Array(service.name.utf8), authenticates: true)
            }
            guard case .message(.failed(let report)) = try client.reply() else {
                Issue.record("a password of \(length) bytes was taken")
                continue
            }
            #expect(report.code == .invalidOrder)
            #expect(report.step == LaunchStep.authenticate.rawValue)
        }
    }

    @Test("through a service that the policy does not name, or that is none")
    func services() async throws {
        let service = try PAMService(scripted: "*:info=hello")
        let helper = try RunningHelper(policy: ["peers = 0"])
        let error = try await launchError(
            Command(.path("/bin/true")),
            as: TestBed.alice.identity,
            PAMLauncher(helper, service)
        )
        #expect(error.code == .refused)
        #expect(error.message.contains("pam-services"))
        #expect(service.records.isEmpty)

        let missing = try RunningHelper(policy: ["peers = 0", "pam-services = no-such-service"])
        let launcher = PAMLauncher(through: SystemHelperLauncher(socket: missing.socket), service: "no-such-service")
        let other = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
        // PAM takes what the service "other" says, which is no.
        #expect(other.code == .accountRefused)
        for name in ["", "../etc/passwd", "a/b", ".", "Upper", String(repeating: "x", count: 65)] {
            let launcher = PAMLauncher(through: SystemHelperLauncher(socket: helper.socket), service: name)
            let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
            #expect(error.code == .invalidCommand, "\(name)")
        }
    }

    @Test("through a helper that is not root")
    func helperWithoutRoot() throws {
        let error = #expect(throws: RunningHelper.HelperEnded.self) {
            try RunningHelper(.twoCapabilities, policy: ["pam-services = impersonation"])
        }
        #expect(error?.log.contains("start it as root") == true)
    }
}
