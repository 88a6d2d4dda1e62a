import Glibc
import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

@testable import RenderWorker

@Suite("Whose a job is, and what comes of it")
struct JobRunnerTests {
    @Test func `a job belongs to the owner of its file`() async throws {
        let fixture = try WorkerFixture()
        let (folder, result) = await fixture.run(#""command": ["/usr/bin/id", "-u"], "name": "n""#, owner: 2001)
        #expect(folder == .done)
        #expect(result.login == "alice")
        #expect(result.account == "alice")
        #expect(result.uid == 2001)
        #expect(result.groups == [2001, 3001, 3002])
        #expect(result.exited == 0)
        #expect(result.name == "n")
        let launch = try #require(fixture.launcher.recorder.launches.first)
        #expect(launch.command.executable == .path("/usr/bin/id"))
        #expect(launch.command.arguments == ["-u"])
        #expect(launch.command.environment == .clean)
        #expect(launch.command.standardError == .standardOutput)
        #expect(
            launch.command.standardOutput
                == .file(fixture.logs.path.appending("\(result.id).log"), .createNew)
        )
    }

    @Test(
        "the owner of the log is written down by the kernel's word",
        arguments: [("made by the job", 2001), ("another's", 2002), ("gone", nil), ("another's by another name", nil)]
            as [(String, UInt32?)]
    )
    func logOwner(log: String, owner: UInt32?) async throws {
        let fixture = try WorkerFixture()
        let id = JobID()
        let path = fixture.logs.file(of: id)
        switch log {
        case "gone": break
        case "another's by another name":
            let other = fixture.scratch.path.appending("other")
            try fixture.scratch.write("", to: other, owner: 2002)
            try ScratchFolder.check(
                unsafe other.withPlatformString { other in
                    unsafe path.withPlatformString { unsafe Glibc.link(other, $0) }
                }
            )
        default: try fixture.scratch.write("", to: path, owner: try #require(owner))
        }
        let outcome = await fixture.run(owner: 2001, as: id)
        #expect(outcome.folder == .done)
        #expect(outcome.result.logOwner == owner)
    }

    @Test(
        "who may name which login",
        arguments: [
            // owner, entrance, login in the file, folder, account
            (2001, .new, "alice", .done, "alice"),
            (2001, .new, "bob", .refused, nil),
            (2001, .new, "root", .refused, nil),
            (2001, .new, "ALICE", .refused, nil),
            (999, .new, "alice", .refused, nil),
            // Whoever can rename a file of root's can put it into `new`.
            (0, .new, "alice", .refused, nil),
            (0, .new, "root", .refused, nil),
            (0, .newRoot, "alice", .done, "alice"),
            (0, .newRoot, "root", .refused, nil),
            (0, .newRoot, "nobody-here", .refused, nil),
        ] as [(UInt32, SpoolFolder, String, SpoolFolder, String?)]
    )
    func login(
        owner: UInt32,
        entrance: SpoolFolder,
        login: String,
        folder: SpoolFolder,
        account: String?
    ) async throws {
        let fixture = try WorkerFixture()
        let outcome = await fixture.run(
            #""command": ["id"], "login": "\#(login)""#,
            owner: owner,
            through: entrance
        )
        #expect(outcome.folder == folder)
        #expect(outcome.result.account == account)
        #expect(fixture.launcher.recorder.launches.count == (account == nil ? 0 : 1))
    }

    @Test func `a file of root's that names a login is nobody's job in new, and the remedy is new-root`() async throws {
        let fixture = try WorkerFixture("proxy_execution_mode = proxy")
        let (_, result) = await fixture.run(#""command": ["id"], "login": "bob""#, owner: 0)
        #expect(result.reason == "loginNotOwner")
        #expect(result.message.hasSuffix("put it into new-root"))
        #expect(fixture.audit.records.map(\.request.login) == ["root"])
    }

    @Test func `a file that somebody moved here from where it was meant for is nobody's job`() async throws {
        let fixture = try WorkerFixture()
        let (folder, result) = await fixture.run(owner: 2002, for: "/projects/film/spool")
        #expect(folder == .refused)
        #expect(result.reason == "otherSpool")
        #expect(result.message.contains("/projects/film/spool"))
        #expect(fixture.launcher.recorder.launches.isEmpty)
        let record = try #require(fixture.audit.records.first)
        #expect(record.request.login == "bob")
        #expect(record.outcome == "denied")
        #expect(record.reason == "otherSpool")
    }

    @Test func `a spool is the same one however its path is written`() async throws {
        let fixture = try WorkerFixture()
        let path = "\(fixture.scratch.path)/./x/..//spool/"
        // A file path keeps no second slash, so the text is written by hand.
        let members = #""command": ["id"]}"#
        let item = SpoolItem(
            id: JobID(),
            fileName: "job.json",
            entrance: .new,
            owner: UserID(rawValue: 2001),
            content: .jobFile(Array("{\"spool\": \"\(path)\", \(members)".utf8))
        )
        #expect(await fixture.runner.run(item).folder == .done)
    }

    @Test func `a forged login stands in the audit log under the name of its forger`() async throws {
        let fixture = try WorkerFixture("proxy_execution_mode = proxy")
        let (_, result) = await fixture.run(#""command": ["id"], "login": "bob""#, owner: 2001)
        #expect(result.reason == "loginNotOwner")
        let record = try #require(fixture.audit.records.first)
        #expect(record.request.login == "alice")
        #expect(record.outcome == "denied")
        #expect(record.reason == "loginNotOwner")
        #expect(record.message.contains("bob"))
    }

    @Test(
        "what is refused, and by which rule",
        arguments: [
            (#""command": ["id"], "account": "bob""#, 2001, "notGranted"),
            (#""command": ["id"]"#, 0, "superuser"),
            (#""command": ["id"]"#, 999, "belowMinimumUserID"),
            (#""command": ["id"], "environment": {"A": "1"}"#, 2001, "environmentNotExported"),
        ] as [(String, UInt32, String)]
    )
    func refusal(text: String, owner: UInt32, reason: String) async throws {
        let fixture = try WorkerFixture()
        let (folder, result) = await fixture.run(text, owner: owner)
        #expect(folder == .refused)
        #expect(result.reason == reason)
        #expect(result.account == nil)
        #expect(result.log == nil)
        #expect(fixture.launcher.recorder.launches.isEmpty)
    }

    @Test func `a refusal names the line that refused`() async throws {
        let fixture = try WorkerFixture("proxy_execution_mode = user\nminimum_uid = 2002")
        let (_, result) = await fixture.run(owner: 2001)
        #expect(result.message.contains("/etc/worker.conf:2"))
        let rule = try #require(result.rules?.last)
        #expect(rule.source == "/etc/worker.conf")
        #expect(rule.line == 2)
    }

    @Test func `in proxy mode everybody's jobs run as the proxy account`() async throws {
        let fixture = try WorkerFixture("proxy_execution_mode = proxy")
        for owner in [UInt32(0), 999, 2001, 2002] {
            let (folder, result) = await fixture.run(#""command": ["id"], "account": "bob""#, owner: owner)
            #expect(folder == .done)
            #expect(result.account == "qubeproxy")
        }
    }

    @Test func `an account whose user id is another by now is not the submitter's`() async throws {
        let fixture = try WorkerFixture()
        // By number the directory still says alice; by name it has another number.
        fixture.directory.answer(try AccountName("alice"), with: try .forTesting("alice", uid: 2999))
        let (folder, _) = await fixture.run(owner: 2001)
        #expect(folder != .done)
        #expect(fixture.launcher.recorder.launches.isEmpty)
    }

    @Test(arguments: [#""command": ["id"]"#, #""command": ["id"], "account": "alice""#])
    func `a local account is not the domain's account of the same name`(text: String) async throws {
        let fixture = try WorkerFixture("proxy_execution_mode = user\nworker_host_domain = MYCORP")
        let person = try Account.forTesting(#"MYCORP\alice"#, uid: 11_103)
        fixture.directory.answer(person.name, with: person)
        let (folder, result) = await fixture.run(text, owner: 2001)
        #expect(folder == .refused)
        #expect(result.reason == "loginMismatch")
        #expect(fixture.launcher.recorder.launches.isEmpty)
    }

    @Test func `an owner without an account has no jobs`() async throws {
        let (folder, result) = await (try WorkerFixture()).run(owner: 4711)
        #expect(folder == .bad)
        #expect(result.reason == "unknownOwner")
    }

    @Test func `a directory that is down lets nothing run`() async throws {
        let fixture = try WorkerFixture()
        fixture.directory.failEverything()
        let (folder, result) = await fixture.run(owner: 2001)
        #expect(folder == .failed)
        #expect(result.reason == "directoryUnavailable")
        #expect(fixture.launcher.recorder.launches.isEmpty)
    }

    @Test func `variables are handed on where the worker's file says so`() async throws {
        let fixture = try WorkerFixture("proxy_execution_mode = user\nenvironment = export")
        _ = await fixture.run(#""command": ["id"], "environment": {"FRAME": "7"}"#, owner: 2001)
        #expect(fixture.launcher.recorder.launches.first?.command.environment == .export(["FRAME": "7"]))
    }

    @Test("nice values add up and end at 19", arguments: [(0, 0, 0), (5, 3, 8), (15, 10, 19)])
    func niceness(worker: Int, job: Int, sum: Int) async throws {
        let fixture = try WorkerFixture("proxy_execution_mode = user\nproxy_nice_value = \(worker)")
        _ = await fixture.run(#""command": ["id"], "nice": \#(job)"#, owner: 2001)
        #expect(fixture.launcher.recorder.launches.first?.command.niceness == sum)
    }

    @Test func `a job that cannot be started has failed, with the step`() async throws {
        let error = LaunchError(.executableNotStarted, step: .execute, errno: .noSuchFileOrDirectory, message: "gone")
        let fixture = try WorkerFixture(script: [.fails(error)])
        let (folder, result) = await fixture.run(#""command": ["/no/such"]"#, owner: 2001)
        #expect(folder == .failed)
        #expect(result.reason == "executableNotStarted")
        #expect(result.step == "\(LaunchStep.execute)")
        #expect(result.errno == Errno.noSuchFileOrDirectory.rawValue)
    }

    @Test func `how a job ended stands in its result`() async throws {
        let fixture = try WorkerFixture(script: [
            .ends(ExitReport(status: .exited(3))), .ends(ExitReport(status: .signaled(.kill))),
        ])
        let first = await fixture.run(owner: 2001)
        #expect(first.folder == .done)
        #expect(first.result.exited == 3)
        let second = await fixture.run(owner: 2001)
        #expect(second.folder == .done)
        #expect(second.result.signaled == 9)
        #expect(second.result.exited == nil)
    }

    @Test func `a result reads back as it was written`() async throws {
        let (_, result) = await (try WorkerFixture()).run(owner: 2001)
        #expect(try JobResult(decoding: result.encoded()) == result)
    }
}
