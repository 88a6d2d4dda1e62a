import Impersonation
import SystemPackage
import Testing

@testable import RenderWorker

@Suite("The table of a spool")
struct ReportTests {
    @Test(
        "reads what id prints",
        arguments: [
            ("uid=2001(alice) gid=2001(alice) groups=2001(alice),3001(render)", "alice", [2001, 3001]),
            ("noise\nuid=2999 gid=2999 groups=2999,3001(render)\nmore", "2999", [2999, 3001]),
            (
                #"uid=11103(MYCORP\some user) gid=10513(MYCORP\domain users) groups=10513(MYCORP\domain users)"#,
                #"MYCORP\some user"#, [10513]
            ),
        ] as [(String, String, [UInt32])]
    )
    func identity(text: String, user: String, groups: [UInt32]) throws {
        let identity = try #require(IdentityOutput(in: text))
        #expect(identity.user.name == user)
        #expect(identity.groups.map(\.number) == groups)
    }

    @Test(
        "is not misled",
        arguments: ["", "uid=", "uid=x gid=1 groups=1", "uid=1 gid=1", "uid=4294967296 gid=1 groups=1"]
    )
    func noIdentity(text: String) {
        #expect(IdentityOutput(in: text) == nil)
    }

    /// A job of alice whose log says what a test wants, and was somebody's when the job began.
    private func report(log: String?, uid: UInt32? = 2001, logOwner: UInt32? = 2001) throws -> JobReport {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("job.log")
        var result = JobResult(
            id: JobID(),
            fileName: "job.json",
            owner: UserID(rawValue: 2001),
            outcome: "identity",
            reason: "selfAllowed",
            message: "alice may"
        )
        result.account = uid == nil ? nil : "alice"
        result.uid = uid
        result.gid = uid
        result.groups = uid.map { [$0, 3001] }
        result.exited = 0
        result.log = path.string
        result.logOwner = logOwner
        if let log { try scratch.write(log, to: path, owner: 2001) }
        return JobReport(result, in: .done)
    }

    private static let trueOutput = "uid=2001(alice) gid=2001(alice) groups=2001(alice),3001(render)\n"

    @Test(
        "a job agrees by the owner of its log, whether it says who it is or not",
        arguments: [trueOutput, "a frame\n", nil]
    )
    func agreement(log: String?) throws {
        #expect(try report(log: log).verdict == .agreement)
    }

    @Test(
        "what a job says of itself raises no alarm",
        arguments: [
            "uid=0(root) gid=0(root) groups=0(root)",
            "uid=2002(bob) gid=2001(alice) groups=2001(alice),3001(render)",
            "uid=2001(alice) gid=0(root) groups=2001(alice),3001(render)",
            "uid=2001(alice) gid=2001(alice) groups=2001(alice)",
        ]
    )
    func words(log: String) throws {
        #expect(try report(log: log).verdict == .unverified)
    }

    @Test func `a log that was gone at once bears nobody out`() throws {
        #expect(try report(log: Self.trueOutput, logOwner: nil).verdict == .unverified)
        #expect(try report(log: nil, logOwner: nil).verdict == .unverified)
    }

    @Test func `a log made to be read for ever is read at once`() throws {
        let text = "uid=0" + String(repeating: " gid=0", count: 10_000)
        let clock = ContinuousClock()
        let time = clock.measure { #expect(IdentityOutput(in: text) == nil) }
        #expect(time < .seconds(5))
    }

    @Test func `a log that was another's when the job began contradicts, whatever the job says`() throws {
        #expect(try report(log: Self.trueOutput, logOwner: 0).verdict == .contradiction)
        #expect(try report(log: nil, logOwner: 2002).verdict == .contradiction)
        #expect(try report(log: Self.trueOutput, uid: nil).verdict == .contradiction)
    }

    @Test(
        "the table marks what does not agree",
        arguments: [(2001, "  exited 0"), (nil, "  unverified exited 0"), (0, "  CONTRADICTION exited 0")]
            as [(UInt32?, String)]
    )
    func mark(logOwner: UInt32?, text: String) throws {
        #expect(JobTable([try report(log: "", logOwner: logOwner)], names: [:]).lines[2].contains(text))
    }

    @Test func `the table tells as whom a job ran by the worker's word, not by the job's`() throws {
        let lie = "uid=0(root) gid=0(root) groups=0(root)"
        let row = JobTable([try report(log: lie)], names: [:]).lines[2]
        #expect(row.hasPrefix("job.json  2001          alice   0         root"), "\(row)")
    }

    @Test func `the table has a row for each job and wraps its last column`() throws {
        let lines = JobTable(
            [try report(log: Self.trueOutput)],
            names: [UserID(rawValue: 2001): "alice"],
            width: 60
        )
        .lines
        #expect(lines[0].split(separator: " ").prefix(3) == ["job", "submitted", "by"])
        #expect(lines[2].hasPrefix("job.json  alice         alice   2001      alice,render  alice"))
        #expect(lines[2].hasSuffix("exited 0  selfAllowed: alice may"))
    }

    @Test func `a hostile label steers no terminal`() throws {
        var result = JobResult(
            id: JobID(),
            fileName: "x",
            owner: UserID(rawValue: 1),
            outcome: "bad",
            reason: "r",
            message: "m\u{202E}\u{1B}[2J\n"
        )
        result.name = "\u{1B}]0;owned\u{07}\n"
        let text = JobTable([JobReport(result, in: .bad)], names: [:]).lines.joined(separator: "\n")
        #expect(!text.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{07}" || $0 == "\u{202E}" })
        #expect(text.split(separator: "\n").count == 3)
    }
}
