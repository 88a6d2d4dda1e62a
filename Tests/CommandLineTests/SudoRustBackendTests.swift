import Foundation
import Impersonation
import SystemPackage
import Testing

@testable import impersonate

@Suite("impersonate --backend sudo, with sudo-rs", .inTestBed, .withSudoRust)
struct SudoRustBackendTests {
    private let scratch: Scratch
    private let tool = Tool.asAccount(990)
    private let sudo = ["--sudo", SudoRustBed.program ?? "", "--sudo-launcher", "/bed/bin/impersonation-launcher"]

    init() throws {
        scratch = try Scratch()
        try scratch.makeDirectory("logs", owner: 990)
    }

    private func configuration(_ settings: [String] = ["proxy_account = render_user"]) throws -> [String] {
        let lines = settings + ["launch_backend = sudo", "audit_log = \(scratch.file("logs/audit.jsonl"))"]
        return ["--config", try scratch.write("worker.conf", lines.joined(separator: "\n") + "\n")]
    }

    /// Rules of sudo-rs, as long as a test runs.
    private func withRules(_ text: String, _ body: () async throws -> Void) async throws {
        let file = "/etc/sudoers-rs.d/\(UUID().uuidString)"
        try Data(text.utf8).write(to: URL(filePath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        try FileManager.default.setAttributes([.posixPermissions: 0o440], ofItemAtPath: file)
        try await body()
    }

    @Test("runs the command with its streams and its exit status, and tells a signal as that")
    func runs() async throws {
        let command = ["sh", "-c", "id -un; cat; exit 7"]
        let outcome = try await tool.run(["run"] + configuration() + sudo + ["--"] + command, input: "frame 101\n")
        #expect(outcome.output == "render_user\nframe 101\n")
        #expect(outcome.messages == "")
        #expect(outcome.status == 7)
        let crashed = ["sh", "-c", "ulimit -c 0; kill -SEGV $$"]
        let end = try await tool.run(["run"] + configuration() + sudo + ["--"] + crashed)
        #expect(end.status == 139, "\(end)")
    }

    @Test("gives sudo-rs no password, and says so before anything runs")
    func password() async throws {
        let arguments = try ["run", "--stdin"] + configuration() + sudo + ["--"]
        let outcome = try await tool.run(arguments + ["id"], input: "alice-secret\n")
        #expect(outcome.status == 125)
        #expect(outcome.output == "")
        #expect(outcome.messages.contains("is given no password"), "\(outcome.messages)")
        #expect(!outcome.messages.contains("alice-secret"))
    }

    @Test("doctor asks sudo-rs itself")
    func doctor() async throws {
        let good = try await tool.run(["doctor"] + configuration() + sudo)
        #expect(good.output.contains("permits the launcher as render_user"), "\(good.output)")
        #expect(good.output.contains("sudo-rs 0.2.5 at /bed/sudo-rs/sudo"), "\(good.output)")
        #expect(good.status == 0, "\(good.output)")
        let bad = try await Tool.asAccount(33).run(["doctor"] + configuration() + sudo)
        #expect(bad.output.contains("does not permit the launcher as jobs need it"), "\(bad.output)")
        #expect(bad.status == 1)
    }

    @Test("doctor says of a sudo-rs that hides how jobs end, and of one that is too old, that it does")
    func versions() {
        let hiding = SudoCheck.rust(.rust("0.2.5"), "sudo-rs 0.2.5 at /x", endProblem: "it hides them")
        #expect(hiding.status == .failed)
        #expect(hiding.found == "sudo-rs 0.2.5 at /x: it hides them")
        #expect(hiding.remedy.contains("sudo-rs 0.2.13"))
        #expect(SudoCheck.rust(.rust("0.2.4"), "sudo-rs 0.2.4 at /x", endProblem: nil).status == .warning)
        #expect(SudoCheck.rust(.rust("0.2.5"), "sudo-rs 0.2.5 at /x", endProblem: nil).status == .ok)
    }

    private func findings(on rules: String, _ profile: String) async throws -> Tool.Outcome {
        let name = UUID().uuidString
        try scratch.makeDirectory(name, owner: 991)
        let file = try scratch.write(
            "\(name).conf",
            "proxy_account = alice\nlaunch_backend = sudo\naudit_log = \(scratch.file("\(name)/audit.jsonl"))\n"
        )
        var outcome: Tool.Outcome?
        try await withRules(rules) {
            outcome = try await Tool.asAccount(991).run(["doctor", "--config", file, "--sudo-profile", profile] + sudo)
        }
        return try #require(outcome)
    }

    @Test(
        "doctor tells a rule that asks for a password from one that asks for none",
        arguments: [
            ("account", "launcher ALL=(alice) PASSWD: /bed/bin/impersonation-launcher"),
            ("restricted", "launcher ALL=(alice) PASSWD: /bed/bin/impersonation-launcher restricted /usr/bin/id -u"),
            ("login", "launcher ALL=(alice) PASSWD: /bin/bash"),
        ]
    )
    func doctorPassword(_ profile: String, _ rule: String) async throws {
        let others = "launcher ALL=(bob) NOPASSWD: /bin/true, /bed/bin/impersonation-launcher, /bin/bash\n"
        let asked = try await findings(on: rule + "\n" + others, profile)
        // Asked to run it, sudo-rs says the same as where the password of the daemon has expired.
        let words =
            profile == "account"
            ? "does not start it: sudo-rs: PAM error: Authentication token manipulation error"
            : "permits the launcher, but asks for a password"
        #expect(asked.output.contains(words), "\(asked.output)")
        #expect(asked.output.contains("the rule asks for a password") || profile != "account", "\(asked.output)")
        #expect(asked.status == 1)
        let free = try await findings(on: rule.replacing("PASSWD", with: "NOPASSWD") + "\n" + others, profile)
        #expect(free.output.contains("permits the launcher as alice"), "\(free.output)")
        let other = try await findings(on: "launcher ALL=(alice) NOPASSWD: /bin/true\n", profile)
        #expect(other.output.contains("does not permit the launcher as jobs need it"), "\(other.output)")
    }

    private func rules(_ arguments: [String], _ settings: [String]) async throws -> Tool.Outcome {
        try await Tool()
            .run(["sudoers", "--json", "--worker", "launcher"] + sudo + configuration(settings) + arguments)
    }

    /// What `--json` prints.
    private struct Printed: Decodable {
        let rules: [String]
        let verified: Bool
    }

    @Test(
        "rules are what visudo of sudo-rs takes, and permit whom they are to permit, and nobody else",
        arguments: [
            (["proxy_account = alice"], "account", [2001], [2002, 2101, 0]),
            (["proxy_account = alice"], "login", [2001], [2002, 0]),
            (["proxy_execution_mode = user", "minimum_uid = 3"], "account", [2001, 2002, 11_103], [0, 1, 2, 2005]),
            (
                ["proxy_execution_mode = user", "minimum_uid = 3", "denied_accounts = bob", "denied_groups = video"],
                "account", [2003], [2001, 2002, 2101, 0]
            ),
            (
                ["proxy_execution_mode = user", "minimum_uid = 3", "allowed_groups = render"],
                "account", [2001, 2003], [2002, 0]
            ),
            (
                ["proxy_execution_mode = user", #"allowed_accounts = alice, MYCORP\someuser"#],
                "account", [2001, 11_103], [2002, 12_103]
            ),
        ]
    )
    func printed(_ settings: [String], _ profile: String, _ permitted: [Int], _ refused: [Int]) async throws {
        let outcome = try await rules(["--sudo-profile", profile], settings)
        try #require(outcome.status == 0, "\(outcome.messages)")
        let printed = try JSONDecoder().decode(Printed.self, from: Data(outcome.output.utf8))
        #expect(printed.verified)
        #expect(!printed.rules.contains { $0.hasPrefix("Defaults") })
        let command =
            profile == "login" ? ["/bin/bash", "-c", "true"] : ["/bed/bin/impersonation-launcher", "run", "/bin/true"]
        try await withRules(printed.rules.joined(separator: "\n") + "\n") {
            for (numbers, isPermitted) in [(permitted, true), (refused, false)] {
                for number in numbers {
                    let words = ["/usr/bin/setpriv", "--reuid", "991", "--regid", "991", "--clear-groups", sudo[1]]
                    let asked = await ShortProgram.run(words + ["-n", "-l", "-u", "#\(number)", "--"] + command)
                    #expect((asked?.status == 0) == isPermitted, "\(number): \(asked?.output ?? "") \(printed.rules)")
                }
            }
        }
    }

    @Test("rules that sudo-rs cannot have are an error that says why")
    func impossible() async throws {
        for (profile, text) in [("su", "cannot hold an argument with blanks"), ("restricted", "knows no patterns")] {
            let more = profile == "restricted" ? ["--command", "/usr/bin/id"] : []
            let outcome = try await rules(["--sudo-profile", profile] + more, ["proxy_account = alice"])
            #expect(outcome.status == 1)
            #expect(outcome.output == "")
            #expect(outcome.messages.contains(text), "\(outcome.messages)")
        }
        // The visudo of another sudo would have taken it.
        let name = #"denied_accounts = MYCORP\some user"#
        let blank = try await rules([], ["proxy_execution_mode = user", "minimum_uid = 3", name])
        #expect(blank.status == 1)
        #expect(blank.messages.contains("visudo does not take the rules: /dev/stdin:"), "\(blank.messages)")
    }

    @Test(
        "visudo is known by what it says of itself",
        arguments: [
            ("visudo version 0.2.5\n", true), ("visudo-rs 0.2.15\n", true),
            ("visudo version 1.9.13p3\nvisudo grammar version 50\n", false), ("", false),
        ]
    )
    func visudo(_ version: String, _ isRust: Bool) {
        #expect(RulesCheck.isRust(version) == isRust)
    }

    @Test("neither visudo is asked about rules for the other sudo")
    func eitherVisudo() async {
        let setting = "Defaults:#990 !requiretty, !log_input, !log_output\n"
        #expect(await RulesCheck.check(setting) == .valid)
        // Beside which there is the original one.
        #expect(await RulesCheck.check(setting, forRustAt: "/usr/sbin/sudo-rs") != .valid)
        guard case .invalid(let reason) = await RulesCheck.check(setting, forRustAt: "/bed/sudo-rs/sudo") else {
            Issue.record("visudo of sudo-rs takes what sudo-rs complains of")
            return
        }
        #expect(reason.contains("'requiretty' cannot be used in a boolean context"), "\(reason)")
    }
}
