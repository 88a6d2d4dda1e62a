import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("A session of PAM", .testBed)
struct PAMSessionTests {
    private func probe(
        _ launcher: PAMLauncher,
        as person: TestBed.Person = TestBed.alice,
        configure: (inout Command) -> Void = { _ in }
    ) async throws -> ProbeReport {
        var command = Command(.path(FilePath(TestBed.probe)))
        configure(&command)
        let result = try await run(command, as: person.identity, launcher)
        try #require(result.exit.status == .exited(0), "\(result.exit.standardError?.text ?? "")")
        return try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
    }

    @Test("is opened before the job and closed after it, by one process that is root, in the order of pam(3)")
    func order() async throws {
        let service = try PAMService(scripted: "*:info=hello")
        let helper = try RunningHelper(policy: service.policy)
        let result = try await run(
            Command(.path("/bin/true")),
            as: TestBed.alice.identity,
            PAMLauncher(helper, service)
        )
        #expect(result.process.report.backend == .pam)
        #expect(service.stages == ["account", "cred", "open", "close", "uncred"])
        #expect(service.records.allSatisfy { $0.userID == 0 && $0.account == "alice" })
        #expect(Set(service.records.map(\.process)).count == 1)
        // Tickets and groups are the account's when they are made; the end is root's as the beginning.
        #expect(service.records.map(\.groupID) == [0, 2001, 2001, 0, 0])
        let session = try #require(result.process.report.session)
        #expect(session.service == service.name)
        #expect(session.messages == ["hello", "hello", "hello"])
    }

    @Test("gives the job the groups, limits, mask, priority, variables and keyring of its modules")
    func gifts() async throws {
        let service = try PAMService(
            scripted: "cred:group=3002",
            "cred:group=3005",
            "open:limit=7/333/444",
            "open:umask=027",
            "open:nice=3",
            "open:putenv=SHOT=s001",
            "open:putenv=KRB5CCNAME=FILE:/tmp/krb5cc_2001_x",
            "open:keyring=the-session"
        )
        let helper = try RunningHelper(policy: service.policy)
        let launcher = PAMLauncher(helper, service)
        let report = try await probe(launcher)
        #expect(report.userID == .all(2001))
        #expect(report.groups == (TestBed.alice.groups + [3005]).sorted())
        #expect(report.limits["openFiles"] == ProbeReport.Limit(soft: 333, hard: 444))
        #expect(report.umask == 0o027)
        #expect(report.nice == 3)
        #expect(report.variables["SHOT"] == "s001")
        #expect(report.variables["KRB5CCNAME"] == "FILE:/tmp/krb5cc_2001_x")
        #expect(report.sessionKeyring?.hasSuffix(";the-session") == true)
        #expect(report.capabilities == .none)

        let process = try await launcher.launch(
            patient(Command(.path("/bin/sleep"), arguments: ["100000"])),
            as: TestBed.alice.identity
        )
        #expect(process.report.session?.addedGroups == [GroupID(3005)])
        // The daemon's own look from outside knows of the group that was added.
        if case .none(let gap) = process.report.attestation { Issue.record("nobody has said it: \(gap)") }
        _ = try await process.terminate(gracePeriod: .zero)
    }

    @Test("leaves what a command asks for itself, as far as the modules' limits go")
    func askedFor() async throws {
        let service = try PAMService(scripted: "open:limit=7/333/444", "open:umask=027", "open:nice=3")
        let helper = try RunningHelper(policy: service.policy)
        let report = try await probe(PAMLauncher(helper, service)) { command in
            command.resourceLimits[.openFiles] = ResourceLimits.Limit(soft: 400, hard: 4_000)
            command.fileModeCreationMask = [.otherReadWriteExecute]
            command.niceness = 7
        }
        #expect(report.limits["openFiles"] == ProbeReport.Limit(soft: 400, hard: 444))
        #expect(report.umask == 0o027)
        #expect(report.nice == 7)
    }

    @Test("gives the job no variable that makes a loader, a shell or an interpreter obey, and none of the account's")
    func variables() async throws {
        let dangerous = [
            "LD_PRELOAD=/tmp/x.so", "LD_LIBRARY_PATH=/tmp", "PATH=/tmp", "HOME=/tmp", "USER=root", "BASH_ENV=/tmp/x",
            "IFS=/",
            "PYTHONPATH=/tmp", "GCONV_PATH=/tmp", "KRB5_CONFIG=/tmp/x", "EVIL=() { :; }", "A-B=x",
        ]
        let service = try PAMService([
            "auth required pam_permit.so", "account required pam_permit.so",
            "session required \(PAMService.module) "
                + (dangerous + ["TZ=UTC", "LANG=xx"]).map { "[open:putenv=\($0)]" }.joined(separator: " "),
        ])
        let helper = try RunningHelper(policy: service.policy)
        let own = try await probe(PAMLauncher(helper, service)) { $0.environment = .clean }
        let usual = try await runProbe(as: TestBed.alice.identity)
        #expect(own.variables["TZ"] == "UTC")
        var rest = own.variables
        rest["TZ"] = nil
        // LANG stays what the job has anyway.
        if usual.variables["LANG"] == nil { rest["LANG"] = nil }
        #expect(rest == usual.variables)
    }

    @Test("gives programs of a restricted policy no variable that nobody has permitted, and lets nobody else write")
    func restricted() async throws {
        let service = try PAMService(
            scripted: "open:putenv=GIT_SSH_COMMAND=/tmp/x",
            "open:putenv=SHOT=s1",
            "open:putenv=LANG=C.UTF-8",
            "open:putenv=KRB5CCNAME=FILE:/tmp/x",
            "open:putenv=DBUS_SESSION_BUS_ADDRESS=unixexec:path=/tmp/x",
            "open:putenv=TZ=:/tmp/x",
            "open:umask=002"
        )
        let helper = try RunningHelper(
            policy: service.policy + ["executable-directories = \(TestBed.directory)/bin", "environment = SHOT"]
        )
        let report = try await probe(PAMLauncher(helper, service))
        #expect(report.variables["GIT_SSH_COMMAND"] == nil)
        #expect(report.variables["SHOT"] == "s1")
        #expect(report.variables["KRB5CCNAME"] == "FILE:/tmp/x")
        #expect(report.variables["DBUS_SESSION_BUS_ADDRESS"] == nil)
        #expect(report.variables["TZ"] == nil)
        #expect(report.umask & 0o022 == 0o022)
    }

    @Test("has nothing of what its modules make as root for others to write, whatever mask the daemon orders")
    func masksOfModules() async throws {
        let file = freshPath("made-by-a-module")
        let service = try PAMService(scripted: "open:create=\(file)")
        let helper = try RunningHelper(policy: service.policy)
        let report = try await probe(PAMLauncher(helper, service)) { $0.fileModeCreationMask = [] }
        #expect(report.umask == 0)
        var status = stat()
        try #require(unsafe lstat(file.string, &status) == 0)
        #expect(status.st_uid == 0)
        #expect(status.st_mode & 0o777 == 0o640)
    }

    @Test("has the mask of its modules, whatever the process that opens it has", arguments: [0o002, 0o022, 0o077])
    func masks(_ mask: UInt32) async throws {
        let service = try PAMService(scripted: "open:umask=\(String(mask, radix: 8))")
        let helper = try RunningHelper(policy: service.policy)
        #expect(try await probe(PAMLauncher(helper, service)).umask == mask)
    }

    @Test("is what the shipped service makes of it: limits, login id, keyring")
    func shipped() async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "pam-services = impersonation"])
        let launcher = PAMLauncher(through: SystemHelperLauncher(socket: helper.socket))
        let report = try await probe(launcher, as: TestBed.carol)
        #expect(report.userID == .all(2003))
        #expect(report.groups == TestBed.carol.groups)
        // The bed's limits.conf has one for her, and none for others.
        #expect(report.limits["openFiles"] == ProbeReport.Limit(soft: 512, hard: 2_048))
        #expect(try await probe(launcher).limits["openFiles"] != ProbeReport.Limit(soft: 512, hard: 2_048))
        if TestBed.hasMachineRoot { #expect(report.loginUserID == 2003) }
        #expect(report.sessionKeyring?.hasSuffix(";_ses") == true)
        #expect(report.sessionKeyring?.contains(";2003;") == true)
    }

    @Test("gives it long variables, and none beyond 64 KiB of them together")
    func longVariables() async throws {
        let service = try PAMService(
            scripted: "open:fill=LONG/20000",
            "open:fill=LONGER/40000",
            "open:fill=OVER/10000",
            "open:putenv=BEHIND=x"
        )
        let helper = try RunningHelper(policy: service.policy)
        let script = "echo ${#LONG} ${#LONGER} ${OVER+set} ${BEHIND+set}"
        let result = try await runScript(script, as: TestBed.alice.identity, PAMLauncher(helper, service))
        #expect(result.text == "20000 40000\n")
        #expect(helper.log.contains("more variables of the session"))
    }
}
