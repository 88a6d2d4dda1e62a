import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchProtocol

@Suite("The system helper refuses", .testBed)
struct HelperRefusalTests {
    private func refusal(
        _ helper: RunningHelper,
        _ command: Command = Command(.path("/bin/true")),
        as person: TestBed.Person = TestBed.alice
    ) async throws -> LaunchError {
        try await launchError(command, as: person.identity, helper.launcher)
    }

    @Test("a daemon that is no peer of its policy")
    func strangers() async throws {
        let helper = try RunningHelper(policy: ["peers = \(RunningHelper.daemon)"])
        let error = try await refusal(helper)
        #expect(error.code == .refused)
        #expect(error.message.contains("peer-not-permitted"))
        #expect(error.message.contains("user id 0"))
        #expect(helper.log.contains("uid 0 is not among the peers"))
    }

    @Test("whom its policy does not name, and does not tell whether there is such an account")
    func accounts() async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "accounts = bob"])
        let error = try await refusal(helper)
        #expect(error.code == .refused)
        #expect(error.message.contains("account-not-permitted"))
        let unknown = try await launchError(
            Command(.path("/bin/true")),
            as: alice(2001, 2001, name: "nosuchperson"),
            helper.launcher
        )
        #expect(unknown.message.replacing("nosuchperson", with: "alice") == error.message)
        #expect(
            try await run(Command(.path("/bin/true")), as: TestBed.bob.identity, helper.launcher).exit.status
                == .exited(0)
        )
    }

    /// Alice with numbers, or a name, that a daemon might lie about.
    private func alice(_ user: UInt32, _ group: UInt32, name: String = "alice") throws -> ExecutionIdentity {
        let account = Account(
            name: try AccountName(name),
            userID: UserID(user),
            groupID: GroupID(group),
            groups: [GroupID(group)],
            homeDirectory: "/",
            shell: "/bin/sh"
        )
        return ExecutionIdentity(admitted: account, login: account.name, mode: .user, method: .switchAccount)
    }

    /// Alice is 2001, of the groups alice (2001), render (3001) and video (3002).
    @Test(
        "what its policy puts out of bounds by groups and numbers, and launches what is just within",
        arguments: [
            ("groups = alice render video", "groups = alice render"),
            ("groups = 2001 3001 3002", "groups = render video"),
            ("denied-groups = bob", "denied-groups = video"),
            ("denied-groups = 3003", "denied-groups = 2001"),
            ("minimum-gid = 2001", "minimum-gid = 2002"),
            ("minimum-uid = 2001", "minimum-uid = 2002"),
            ("denied-accounts = bob", "denied-accounts = 2001"),
        ]
    )
    func bounds(_ within: String, _ beyond: String) async throws {
        let permitting = try RunningHelper(policy: ["peers = 0", within])
        let result = try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, permitting.launcher)
        #expect(result.exit.status == .exited(0))
        let refusing = try RunningHelper(policy: ["peers = 0", beyond])
        let error = try await refusal(refusing)
        #expect(error.code == .refused, "\(error)")
        #expect(refusing.log.contains("as alice: refused"), "\(refusing.log)")
    }

    @Test("a denied group that the daemon has left out of its request")
    func groups() async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "denied-accounts = @video"])
        let lying = try alice(2001, 2001)
        #expect(try await launchError(Command(.path("/bin/true")), as: lying, helper.launcher).code == .refused)
    }

    @Test(
        "an account whose numbers are not those that the daemon gives",
        arguments: [(2002, 2001), (2001, 2002), (0, 2001), (2001, 0)] as [(UInt32, UInt32)]
    )
    func numbers(_ user: UInt32, _ group: UInt32) async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let error = try await launchError(Command(.path("/bin/true")), as: alice(user, group), helper.launcher)
        #expect(error.code == .refused, "\(error)")
    }

    @Test("a job of its own account")
    func ownAccount() async throws {
        let helper = try RunningHelper(.twoCapabilities, policy: ["peers = 0", "minimum-uid = 1"])
        let name = try AccountName("launcher")
        let found = try await NSSAccountDirectory(deadline: ample).account(named: name, freshness: .current)
        let identity = ExecutionIdentity(
            admitted: try #require(found),
            login: name,
            mode: .user,
            method: .switchAccount
        )
        let error = try await launchError(
            Command(.path("/bin/true")),
            as: identity,
            SystemHelperLauncher(socket: helper.socket, helperUserIDs: [UserID(RunningHelper.account)])
        )
        #expect(error.message.contains("account-of-the-helper"))
    }

    @Test("a program that is not in a permitted directory, and what could make another one of it")
    func programs() async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "executable-directories = /bed/bin"])
        #expect(try await refusal(helper).message.contains("executable-not-permitted"))
        var command = Command(.path(FilePath(TestBed.probe)))
        #expect(try await run(command, as: TestBed.alice.identity, helper.launcher).exit.status == .exited(0))
        command.executable = .path("/bed/bin/../../bin/true")
        #expect(try await refusal(helper, command).message.contains("executable-not-permitted"))
        for variable in [
            "LD_PRELOAD=/tmp/x.so", "PATH=/tmp", "HOME=/tmp", "BASH_ENV=/tmp/x", "X=() { :; }", "1=x", "A B=x",
            // A character that combines with the equals sign makes no other byte of it.
            "BASH_ENV=\u{301}/x=1", "PATH=\u{301}:/evil=1", "HOME=\u{200D}x=1", "LD_PRELOAD=\u{FE0F}x=1",
        ] {
            let reply = try RawClient(helper).launch { $0.environment = [Array(variable.utf8)] }
            #expect(reply.refusal == "environment", "\(variable)")
        }
    }

    @Test("variables and files where programs are restricted, but for what its policy names")
    func restricted() async throws {
        let helper = try RunningHelper(
            policy: ["peers = 0", "executable-directories = /bed/bin", "environment = SHOT"]
        )
        func reply(_ variable: String) throws -> RawClient.Reply {
            try RawClient(helper).launch { $0.environment = [Array(variable.utf8)] }
        }
        for variable in ["LANG=de_DE.UTF-8", "TERM=xterm", "SHOT=sh010", "HOME=/bed/home/alice"] {
            #expect(try reply(variable).isStart, "\(variable)")
        }
        for variable in [
            "NODE_PATH=/tmp", "OPENSSL_CONF=/tmp/x", "SHOT=() { :; }", "LANG=../../tmp", "OTHER=x", "NODE_PATH=2",
            "LC_X=1",
        ] {
            #expect(try reply(variable).refusal == "environment", "\(variable)")
        }
        let file = ChildPlan.StreamFile(
            path: "/bed/home/alice/.profile",
            flags: O_WRONLY | O_CREAT | O_APPEND,
            target: 2
        )
        #expect(try RawClient(helper).launch { $0.streamFiles = [file] }.refusal == "stream-files")
        for mask in [0, 0o002, 0o020, 0o755] as [UInt16] {
            #expect(try RawClient(helper).launch { $0.fileModeCreationMask = mask }.refusal == "umask")
        }
        #expect(try RawClient(helper).launch { $0.fileModeCreationMask = 0o077 }.isStart)
    }

    @Test("an account that is a peer itself: its job could launch others")
    func peers() async throws {
        let helper = try RunningHelper(policy: ["peers = 0 @render"])
        #expect(try RawClient(helper).launch { _ in }.refusal == "account-is-a-peer")
    }

    @Test("daemons that talk without ever asking for a job")
    func talkers() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let client = try RawClient(helper)
        try client.tell(.greeting)
        _ = try client.reply()
        try client.tell(.greeting)
        #expect(try client.reply().isEnd)
    }

    @Test("privileges, priorities, limits and times that its policy or it itself does not have")
    func more() async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "maximum-start-time = 5"])
        let changes: [(String, (inout LaunchOrder) -> Void)] = [
            ("new-privileges-forbidden", { $0.noNewPrivileges = false }),
            ("bounding-set-not-empty", { $0.emptiesBoundingSet = false }),
            ("job-outlives-daemon", { $0.endsWithDaemon = false }),
            ("start-time-too-long", { $0.startDeadlineMilliseconds = 6_000 }),
            ("niceness", { $0.niceness = -1 }),
            ("resource-limit", { $0.resourceLimits = [ChildPlan.Limit(resource: 7, soft: 1, hard: 1 << 40)] }),
            ("terminal", { $0.terminal = ChildPlan.TerminalAccess(groupID: 5, mode: .ownerReadWrite) }),
        ]
        for (reason, change) in changes {
            let reply = try RawClient(helper).launch(change)
            #expect(reply.refusal == reason, "\(reply)")
        }
        #expect(try RawClient(helper).launch { _ in }.isStart)
    }

    @Test("a job that may gain privileges and would keep what is to be taken from it")
    func boundingSet() async throws {
        let policy = ["peers = 0", "new-privileges = allowed", "capability-bounding-set = inherited-allowed"]
        let helper = try RunningHelper(.twoCapabilities, policy: policy)
        var command = Command(.path("/bin/grep"), arguments: ["CapBnd", "/proc/self/status"])
        command.noNewPrivileges = false
        let launcher = SystemHelperLauncher(socket: helper.socket, helperUserIDs: [UserID(RunningHelper.account)])
        let error = try await launchError(command, as: TestBed.alice.identity, launcher)
        #expect(error.code == .refused)
        #expect(error.message.contains("bounding-set-kept"))
        #expect(error.message.contains("CAP_SETPCAP"))
        func set(_ command: Command, _ launcher: SystemHelperLauncher) async throws -> String {
            try await run(command, as: TestBed.alice.identity, launcher).text
        }
        // With it, and for who does not want it: a job that may gain privileges.
        let root = try RunningHelper(policy: policy)
        #expect(try await set(command, root.launcher) == "CapBnd:\t0000000000000000\n")
        command.capabilityBoundingSet = .inherited
        #expect(try await set(command, launcher) == "CapBnd:\t00000000000000c0\n")
        command.noNewPrivileges = true
        command.capabilityBoundingSet = .empty
        #expect(try await set(command, launcher) == "CapBnd:\t00000000000000c0\n")
    }

    @Test("a job whose session has taken from the helper what would empty its bounding set")
    func boundingSetOfSession() async throws {
        let setPrivilegedCapabilities = 8
        let service = try PAMService(scripted: "open:weaken=\(setPrivilegedCapabilities)")
        let helper = try RunningHelper(policy: service.policy + ["new-privileges = allowed"])
        let launcher = PAMLauncher(helper, service)
        var command = Command(.path("/bin/true"))
        #expect(try await run(command, as: TestBed.alice.identity, launcher).exit.status == .exited(0))
        command.noNewPrivileges = false
        let error = try await launchError(command, as: TestBed.alice.identity, launcher)
        #expect(error.code == .refused)
        #expect(error.message.contains("bounding-set-kept"))
        try await service.waitForClose(2)
        #expect(service.stages.suffix(2) == ["close", "uncred"])
    }

    @Test("limits for all processes of a job where it gives jobs no cgroup")
    func treeLimits() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        var command = Command(.path("/bin/true"))
        command.treeLimits.processes = 10
        let error = try await refusal(helper, command)
        #expect(error.code == .notPermitted)
        #expect(error.step == .createControlGroup)
    }

    @Test("more jobs than its policy permits, until one of them ends")
    func tooMany() async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "maximum-jobs = 2", "maximum-jobs-per-peer = 2"])
        var command = Command(.path("/bin/cat"))
        command.standardInput = .pipe
        let person = try await TestBed.alice.identity
        let first = try await helper.launcher.launch(patient(command), as: person)
        let second = try await helper.launcher.launch(patient(command), as: person)
        #expect(try await refusal(helper).message.contains("too-many-jobs"))
        try first.takeStandardInput()?.close()
        #expect(try await first.exitReport().status == .exited(0))
        let deadline = ContinuousClock.now + ample
        // The process that looked after it ends a moment after it has said so.
        while ContinuousClock.now < deadline {
            if let third = try? await helper.launcher.launch(patient(Command(.path("/bin/true"))), as: person) {
                #expect(try await third.exitReport().status == .exited(0))
                break
            }
        }
        try second.takeStandardInput()?.close()
        #expect(try await second.exitReport().status == .exited(0))
    }

    @Test("what is no frame, or comes at the wrong time, and goes on serving")
    func frames() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        for bytes: [UInt8] in [[0], Array("GET / HTTP/1.1\r\n\r\n".utf8), [UInt8](repeating: 0xFF, count: 60_000)] {
            let client = try RawClient(helper)
            #expect(client.send(bytes))
            #expect(try client.reply().refusal == "frame")
            #expect(try client.reply().isEnd)
        }
        let adoption = AdoptionRequest(processID: 2, userID: TestBed.alice.userID)
        for message in [ClientMessage.adopt(adoption), .withdraw, .signal(SignalRequest(signal: 9, target: .tree))] {
            let client = try RawClient(helper)
            try client.tell(message)
            #expect(try client.reply().refusal == "no-job")
        }
        let polite = try RawClient(helper)
        try polite.tell(.greeting)
        guard case .message(.welcome(let welcome)) = try polite.reply() else {
            Issue.record("the helper did not answer")
            return
        }
        #expect(welcome.version == FrameHeader.version)
        #expect(welcome.features.contains(.terminals))
        #expect(try RawClient(helper).launch { _ in }.isStart)
    }

    @Test("a second job on one connection, and ends the first with it")
    func secondJob() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let client = try RawClient(helper)
        #expect(
            try client.launch {
                $0.arguments = [Array("sleep".utf8), Array("1000".utf8)]
                $0.executables = ["/bin/sleep"]
            }
            .isStart
        )
        try client.tell(.greeting)
        #expect(try client.reply().refusal == "one-job")
        #expect(try client.reply().isEnd)
    }
}
