import Foundation
import Testing

@testable import impersonate

@Suite("impersonate explain: the decision without running", .inTestBed)
struct ExplainTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    @Test("a person reads outcome, identity, numbered rules with their place, and what else could have been")
    func explainsToAPerson() async throws {
        let configuration = try scratch.configure(["proxy_account = render_user", "minimum_uid = 500"])
        let outcome = try await Tool().run(["explain"] + configuration + ["--login", "alice"])
        let file = scratch.file("worker.conf")
        #expect(outcome.status == 0)
        #expect(outcome.messages == "")
        #expect(outcome.lines.first == "outcome  identity (proxyMode)")
        #expect(outcome.lines.contains { $0.hasPrefix("identity uid=2101(render_user) gid=2101 groups=2101,3001,") })
        #expect(outcome.lines.contains("  2. minimumUserID  \(file):2"))
        #expect(outcome.lines.contains("  3. proxyAccount  \(file):1"))
        #expect(outcome.lines.contains("  - with proxy_execution_mode = user: alice"))
    }

    @Test(
        "the report says what came of it and why",
        arguments: [
            ("user", ["--login", "alice"], "identity", "selfAllowed", 2_001),
            ("user", ["--login", "alice", "--as", "alice"], "identity", "selfAllowed", 2_001),
            ("proxy", ["--login", "alice", "--as", "bob"], "identity", "proxyMode", 2_101),
            ("user", ["--login", "alice", "--as", "bob"], "denied", "notGranted", nil),
            ("user", ["--login", "root"], "denied", "superuser", nil),
            ("user", ["--login", "machine$"], "denied", "machineAccount", nil),
            ("user", ["--login", "nobody-here"], "badlogin", "accountNotFound", nil),
            ("user", [], "denied", "noAccountNamed", nil),
        ] as [(String, [String], String, String, UInt32?)]
    )
    func reports(mode: String, arguments: [String], outcome: String, reason: String, uid: UInt32?) async throws {
        let configuration = try scratch.configure(["proxy_execution_mode = \(mode)", "proxy_account = render_user"])
        let ran = try await Tool().run(["explain"] + configuration + arguments + ["--json"])
        let report = try JSONDecoder().decode(Report.self, from: Data(ran.output.utf8))
        #expect(ran.status == (outcome == "identity" ? 0 : 125))
        #expect(report.outcome == outcome)
        #expect(report.reason == reason)
        #expect(report.uid == uid)
        #expect(report.rules.contains { $0.source == scratch.file("worker.conf") && $0.line == 1 })
        #expect(report.launch == nil)
        #expect(report.message.hasSuffix("and this tool knows none") == (reason == "notGranted"))
        #expect(!scratch.has("audit.jsonl"))
    }

    @Test("an ordinary account needs no privilege, and asks for itself unless it says otherwise")
    func needsNoPrivilege() async throws {
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        let own = try await Tool.asAccount(2_001).run(["explain"] + configuration)
        #expect(own.status == 0)
        #expect(own.lines.contains("login    alice"))
        let other = try await Tool.asAccount(2_001).run(["explain"] + configuration + ["--login", "bob"])
        #expect(other.status == 0)
        #expect(other.lines.contains("login    bob"))
    }

    @Test("a file that cannot be used is an error with its line")
    func refusesBrokenConfiguration() async throws {
        let configuration = try scratch.configure(["minimum_uid = none"])
        let ran = try await Tool().run(["explain"] + configuration + ["--login", "alice", "--json"])
        let report = try JSONDecoder().decode(Report.self, from: Data(ran.output.utf8))
        #expect(ran.status == 125)
        #expect(report.outcome == "error")
        #expect(report.reason == "configurationInvalid")
        #expect(report.message.contains("\(scratch.file("worker.conf")):1"))
    }
}
