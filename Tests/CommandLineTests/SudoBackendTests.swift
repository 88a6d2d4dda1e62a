import Foundation
import Testing

@testable import impersonate

@Suite("impersonate --backend sudo, for an account that has a rule", .inTestBed)
struct SudoBackendTests {
    private static let renderd = 990

    private let scratch: Scratch
    private let tool = Tool.asAccount(renderd)
    private let sudo: [String]

    init() throws {
        scratch = try Scratch()
        try scratch.makeDirectory("logs", owner: Self.renderd)
        let environment = ProcessInfo.processInfo.environment
        sudo = [
            "--sudo", environment["IMPERSONATION_TEST_BED_SUDO"] ?? "/usr/bin/sudo", "--sudo-launcher",
            "/bed/bin/impersonation-launcher",
        ]
    }

    private func configuration(_ settings: [String] = ["proxy_account = render_user"]) throws -> [String] {
        let lines = settings + ["launch_backend = sudo", "audit_log = \(scratch.file("logs/audit.jsonl"))"]
        return ["--config", try scratch.write("worker.conf", lines.joined(separator: "\n") + "\n")]
    }

    private func rules(_ arguments: [String], _ settings: [String]) async throws -> Tool.Outcome {
        try await Tool().run(["sudoers", "--worker", "renderd"] + sudo + configuration(settings) + arguments)
    }

    @Test("runs the command as the proxy account, with its streams and its exit status")
    func runs() async throws {
        let command = ["sh", "-c", "id -un; cat; exit 7"]
        let outcome = try await tool.run(["run"] + configuration() + sudo + ["--"] + command, input: "frame 101\n")
        #expect(outcome.output == "render_user\nframe 101\n")
        #expect(outcome.messages == "")
        #expect(outcome.status == 7)
    }

    @Test("names the primary group to sudo when it is told to")
    func group() async throws {
        let command = ["--sudo-names-group", "--", "id", "-g"]
        let outcome = try await tool.run(["run"] + configuration() + sudo + command)
        #expect(outcome.output == "2101\n", "\(outcome.messages)")
        let log = try String(contentsOfFile: "/var/log/sudo.log", encoding: .utf8).replacing("\n    ", with: " ")
        #expect(log.contains("GROUP=render_user ; COMMAND=/bed/bin/impersonation-launcher run id -g"))
    }

    @Test("says what sudo does not permit, and exits with 125")
    func refusal() async throws {
        let other = Tool.asAccount(33)
        try scratch.makeDirectory("www", owner: 33)
        let file = try scratch.write(
            "other.conf",
            "proxy_account = render_user\nlaunch_backend = sudo\naudit_log = \(scratch.file("www/audit.jsonl"))\n"
        )
        let outcome = try await other.run(["run", "--config", file] + sudo + ["--", "id"])
        #expect(outcome.status == 125)
        #expect(outcome.output == "")
        #expect(outcome.messages.contains("sudo did not run the job: sudo: a password is required"))
    }

    @Test("gives sudo the password of --stdin when it asks, once, and nobody else")
    func password() async throws {
        let file = "/etc/sudoers.d/tool-password"
        let rules = """
            Defaults:renderd targetpw, passwd_tries=3
            renderd ALL=(alice) PASSWD: /bed/bin/impersonation-launcher

            """
        try Data(rules.utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o440], ofItemAtPath: file)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let arguments = try ["run", "--stdin"] + configuration(["proxy_account = alice"]) + sudo + ["--"]
        let outcome = try await tool.run(arguments + ["sh", "-c", "id -un; cat"], input: "alice-secret\nmore\n")
        #expect(outcome.output == "alice\n", "\(outcome.messages)")
        #expect(outcome.status == 0)
        let wrong = try await tool.run(arguments + ["id"], input: "canary-wrong\nalice-secret\n")
        #expect(wrong.status == 125)
        #expect(wrong.output == "")
        #expect(wrong.messages.contains("correct the password; it was tried once"), "\(wrong.messages)")
        #expect(!wrong.messages.contains("canary"))
        // A rule without a password does not make the line the job's.
        let unasked = try await tool.run(
            ["run", "--stdin"] + configuration() + sudo + ["--", "sh", "-c", "id -un; cat"],
            input: "alice-secret\n"
        )
        #expect(unasked.output == "render_user\n", "\(unasked.messages)")
    }

    @Test("tells a job that no_new_privs keeps from sudo that it is that")
    func noNewPrivileges() async throws {
        let bound = Tool(
            prefix: ["/usr/bin/setpriv", "--reuid", "990", "--regid", "990", "--init-groups", "--no-new-privs"]
        )
        let outcome = try await bound.run(["run"] + configuration() + sudo + ["--", "id"])
        #expect(outcome.status == 125)
        #expect(outcome.messages.contains("NoNewPrivileges="))
        let doctor = try await bound.run(["doctor"] + configuration() + sudo)
        #expect(doctor.status == 1)
        #expect(doctor.output.contains("sudo can gain no privileges"))
    }

    @Test("doctor asks sudo itself")
    func doctor() async throws {
        let good = try await tool.run(["doctor"] + configuration() + sudo)
        #expect(good.output.contains("permits the launcher as render_user"), "\(good.output)")
        #expect(good.status == 0, "\(good.output)")
        let bad = try await Tool.asAccount(33).run(["doctor"] + configuration() + sudo)
        #expect(bad.output.contains("does not permit the launcher as jobs need it"))
        #expect(bad.output.contains("install what `impersonate sudoers` prints"))
        #expect(bad.status == 1)
        let absent = try await tool.run(["doctor"] + configuration() + ["--sudo", "/nonexistent/sudo"])
        #expect(absent.output.contains("/nonexistent does not exist"))
        #expect(absent.status == 1)
        let root = try await Tool().run(["doctor"] + configuration() + sudo)
        #expect(root.output.contains("root needs no sudo"))
    }

    @Test("knows a sudo that gives everybody root")
    func oldVersions() {
        for version in ["1.9.14", "1.9.15p5", "1.9.16", "1.9.17"] { #expect(SudoCheck.hasOpenChroot(version)) }
        for version in ["1.9.13p3", "1.8.31", "1.9.17p1", "1.9.18", "2.0.0", ""] {
            #expect(!SudoCheck.hasOpenChroot(version))
        }
    }

    @Test("needs one rule for the proxy account, which visudo takes and sudo then grants")
    func proxyRules() async throws {
        let outcome = try await rules([], ["proxy_account = render_user"])
        #expect(outcome.status == 0, "\(outcome.messages)")
        #expect(
            outcome.lines.filter { !$0.hasPrefix("# ") }
                == [
                    "Defaults:#990 !requiretty, !log_input, !log_output",
                    "#990 ALL=(#2101) NOPASSWD: EXEC: /bed/bin/impersonation-launcher",
                ]
                .filter { !$0.hasPrefix("# ") }
        )
        #expect(outcome.lines.contains("# the account renderd is #990"))
        #expect(outcome.lines.contains("# the account render_user is #2101"))
        let json = try await rules(["--json"], ["proxy_account = render_user"])
        #expect(json.output.contains(#""verified":true"#))
        #expect(json.output.contains(#""worker":"renderd""#))
    }

    /// The rule itself, which may run over several lines.
    private static func rule(_ outcome: Tool.Outcome) -> String {
        outcome.output.replacing("\\\n    ", with: "").split(separator: "\n").last.map(String.init) ?? ""
    }

    @Test("needs rules for the accounts that may have jobs in user mode, and for no other")
    func userRules() async throws {
        let user = "proxy_execution_mode = user"
        let minimum = "minimum_uid = 3"
        let nobodys = "!root, !#0, !%#0, !#1, !#2, !#65535, !#4294967295, !#65523, !#4294960001"
        let everybody = try await rules([], [user, minimum, "denied_accounts = bob, nosuch", "denied_groups = nosuch"])
        #expect(
            Self.rule(everybody).hasPrefix("#990 ALL=(ALL, \(nobodys), !bob, !#2002, !nosuch, !%nosuch) NOPASSWD:"),
            "\(everybody)"
        )
        #expect(!everybody.output.contains("kept by the daemon alone"))
        let odd = try await rules([], [user, minimum, "denied_groups = NOSUCH"])
        #expect(odd.output.contains("kept by the daemon alone: denied_groups: there is no NOSUCH yet"), "\(odd)")
        let some = try await rules([], [user, #"allowed_accounts = alice, MYCORP\someuser"#])
        #expect(Self.rule(some).hasPrefix("#990 ALL=(#2001, #11103) NOPASSWD:"), "\(some)")
        let members = try await rules(["--group", "video"], [user, minimum, "allowed_groups = render"])
        #expect(Self.rule(members).hasPrefix("#990 ALL=(%#3001, \(nobodys) : #3002) NOPASSWD:"), "\(members)")
        let denials = ["denied_accounts = bob", "denied_groups = video", minimum]
        let listed = ["allowed_accounts = alice, bob, carol", "allowed_groups = render"]
        let narrow = try await rules([], [user] + listed + denials)
        #expect(Self.rule(narrow).hasPrefix("#990 ALL=(#2003, !bob, !#2002, !%video, !%#3002) NOPASSWD:"), "\(narrow)")
        #expect(narrow.lines.contains { $0.contains("kept by the daemon alone: allowed_groups") })
        let denied = try await rules([], [user, "allowed_groups = render"] + denials)
        #expect(
            Self.rule(denied).hasPrefix("#990 ALL=(%#3001, \(nobodys), !bob, !#2002, !%video, !%#3002) NOPASSWD:"),
            "\(denied)"
        )
        let nobody = try await rules([], [user, "allowed_accounts = bob", "denied_accounts = bob"])
        #expect(nobody.status == 1)
        let desktop = try await rules([], ["service_mode = desktop"])
        #expect(desktop.status == 1)
        #expect(desktop.output == "")
    }

    @Test("of certain programs permit those and their signals, and work as they are printed")
    func restrictedRules() async throws {
        let printed = try await Tool()
            .run(
                ["sudoers", "--worker", "launcher", "--sudo-profile", "restricted", "--command", "/usr/bin/id"] + sudo
                    + configuration()
            )
        #expect(printed.status == 0, "\(printed.messages)")
        let file = "/etc/sudoers.d/printed"
        try Data(printed.output.utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o440], ofItemAtPath: file)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let launcher = Tool.asAccount(991)
        try scratch.makeDirectory("other", owner: 991)
        let settings = ["proxy_account = render_user", "audit_log = \(scratch.file("other/audit.jsonl"))"]
        let options =
            ["--config", try scratch.write("restricted.conf", settings.joined(separator: "\n") + "\n")]
            + ["--backend", "sudo", "--sudo-profile", "restricted"] + sudo
        let allowed = try await launcher.run(["run"] + options + ["--", "/usr/bin/id", "-un"])
        #expect(allowed.output == "render_user\n", "\(allowed.messages)")
        let refused = try await launcher.run(["run"] + options + ["--", "/usr/bin/env"])
        #expect(refused.status == 125)
        #expect(refused.output == "")
    }

    @Test("for a name with a backslash in it permit that account, and no other")
    func domainRules() async throws {
        let printed = try await Tool()
            .run(
                ["sudoers", "--worker", "launcher", "--as", #"MYCORP\someuser"#] + sudo + configuration()
            )
        let file = "/etc/sudoers.d/printed-domain"
        try Data(printed.output.utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o440], ofItemAtPath: file)
        defer { try? FileManager.default.removeItem(atPath: file) }
        try scratch.makeDirectory("domain", owner: 991)
        for (account, domain, isPermitted) in [("someuser", "MYCORP", true), ("someuser", "OTHER", false)] {
            let lines = [
                "proxy_account = \(account)", "worker_host_domain = \(domain)",
                "audit_log = \(scratch.file("domain/audit.jsonl"))",
            ]
            let options = ["--config", try scratch.write("\(domain).conf", lines.joined(separator: "\n") + "\n")]
            let outcome = try await Tool.asAccount(991)
                .run(["run", "--backend", "sudo"] + options + sudo + ["--", "id", "-un"])
            #expect(outcome.output == (isPermitted ? "\(domain)\\\(account)\n" : ""), "\(outcome.messages)")
        }
    }

    @Test("for sudo-rs leave out what that does not have, and say what it cannot")
    func rustRules() throws {
        var rules = SudoersRules(
            worker: SudoersRules.Account(name: "renderd", number: 990),
            targets: .accounts([SudoersRules.Account(name: "alice", number: 2001)]),
            programs: ["/usr/bin/id"],
            launcher: "/usr/libexec/impersonation-launcher",
            profile: .account,
            isForRust: true
        )
        #expect(
            try rules.lines().filter { !$0.hasPrefix("# ") }
                == ["#990 ALL=(#2001) NOPASSWD: /usr/libexec/impersonation-launcher"]
        )
        rules.profile = .restricted
        #expect(throws: SudoersRules.Problem.self) { try rules.lines() }
        rules.profile = .su
        #expect(throws: SudoersRules.Problem.self) { try rules.lines() }
    }

    @Test(
        "spell names so that they mean themselves",
        arguments: [
            ("alice", "alice"), (#"MYCORP\some user"#, #"MYCORP\\some\ user"#), ("a.b-c_d", "a.b-c_d"),
            ("machine$", #"machine\$"#), ("#0", "#77"), ("%wheel", "#77"), ("+net", "#77"), ("-e", "#77"),
            ("--", "#77"), ("ALL", "#77"), ("RENDER_1", "#77"), ("", "#77"), ("a\nb", "#77"), ("0", "#77"),
            ("a,b", #"a\,b"#), ("a=b:c", #"a\=b\:c"#), ("!a", "#77"), ("a\"b", "#77"),
            ("sudoedit", "#77"), ("Defaults", "#77"), ("list", "#77"),
            ("someuser@dept.example", #"someuser\@dept.example"#), ("a\u{0D4E}, ALL", "a\u{0D4E}\\,\\ ALL"),
        ]
    )
    func names(_ name: String, _ word: String) {
        #expect(SudoersWord.account(name, 77) == word)
    }

    @Test(
        "refuse programs whose paths sudo takes for a program and an argument",
        arguments: ["/opt/my prog", "/a\tb", "/opt/\u{0D4E} prog"]
    )
    func blanks(_ program: String) {
        let rules = SudoersRules(
            worker: SudoersRules.Account(name: "renderd", number: 990),
            targets: .everybody,
            programs: [program],
            launcher: "/opt/our tools/launcher",
            profile: .restricted
        )
        #expect(throws: SudoersRules.Problem.self) { try rules.lines() }
    }

    @Test("doctor says so when others could take hold of the launcher, or replace it")
    func launcherModes() {
        #expect(SudoCheck.finding("/l", owner: 0, mode: 0o100711).status == .ok)
        #expect(SudoCheck.finding("/l", owner: 0, mode: 0o100755).status == .warning)
        for (owner, mode) in [(990, 0o100711), (0, 0o100731), (0, 0o100700), (0, 0o104711)] as [(UInt32, UInt32)] {
            #expect(SudoCheck.finding("/l", owner: owner, mode: mode).status == .failed)
        }
    }

    @Test("doctor says so when somebody else could replace a directory on the way to the launcher")
    func launcherPlace() async throws {
        let place = "/bed/open-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        try FileManager.default.copyItem(atPath: "/bed/bin/impersonation-launcher", toPath: "\(place)/launcher")
        try FileManager.default.setAttributes([.posixPermissions: 0o711], ofItemAtPath: "\(place)/launcher")
        for (mode, isTrusted) in [(0o755, true), (0o775, false)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: place)
            let options = ["--sudo", sudo[1], "--sudo-launcher", "\(place)/launcher"]
            let outcome = try await tool.run(["doctor"] + configuration() + options)
            #expect(outcome.output.contains("others than root can write \(place)") == !isTrusted, "\(outcome.output)")
        }
    }

    @Test(
        "doctor says which sudo there is, and warns of one that whoever may use it becomes root by, or that nobody knows",
        arguments: [
            ("Sudo version 1.9.13p3", Finding.Status.ok, "sudo 1.9.13p3 at "),
            ("Sudo version 1.9.16", .warning, "whoever may use it becomes root (CVE-2025-32463)"),
            ("sudo-rs 0.2.13", .ok, "sudo-rs 0.2.13 at "),
            ("doas 6.8", .warning, "an unknown sudo (doas 6.8)"),
        ]
    )
    func doctorFlavour(_ version: String, _ status: Finding.Status, _ text: String) async throws {
        let place = "/bed/sudo-\(UUID().uuidString)"
        try Data("#!/bin/sh\n[ \"$1\" = --version ] && echo '\(version)'\n".utf8).write(to: URL(filePath: place))
        defer { try? FileManager.default.removeItem(atPath: place) }
        try FileManager.default.setAttributes([.posixPermissions: 0o4755], ofItemAtPath: place)
        let options = ["--sudo", place, "--sudo-launcher", sudo[3]]
        let outcome = try await tool.run(["doctor", "--json"] + configuration() + options)
        let findings = try JSONDecoder().decode([Finding].self, from: Data(outcome.output.utf8))
        let finding = try #require(findings.first { $0.check == "sudo" })
        #expect(finding.status == status)
        #expect(finding.found.contains(text), "\(finding.found)")
        #expect(finding.remedy.isEmpty == (status == .ok))
    }

    @Test("spell paths, and refuse those that are patterns")
    func paths() {
        #expect(SudoersWord.path("/opt/a b,c/run") == #"/opt/a\ b\,c/run"#)
        for path in ["/opt/*", "/opt/[a]", "/a\\b", "/a?", "/a\nb", "/a#b", "/a\"b", "/$HOME", "/a!b", "/\u{0D4E}*"] {
            #expect(SudoersWord.path(path) == nil)
        }
        #expect(SudoersWord.argument("a\u{0D4E} b") == nil)
        let dotted = "a\u{0D4E}\\.b"
        #expect(SudoersWord.expression("a\u{0D4E}.b") == dotted)
        #expect(SudoersWord.comment("a\r\n\u{1B}[0mb\u{2028}") == "a[0mb")
    }

    @Test(
        "doctor does not take a rule that asks for a password for one that asks for none",
        arguments: [
            ("account", "launcher ALL=(alice) PASSWD: /bed/bin/impersonation-launcher"),
            ("restricted", "launcher ALL=(alice) PASSWD: /bed/bin/impersonation-launcher restricted /usr/bin/id *"),
            ("login", "launcher ALL=(alice) PASSWD: /bin/bash"),
            ("su", #"launcher ALL=(root) PASSWD: /usr/bin/su - alice -c exec /bed/bin/impersonation-launcher session"#),
        ]
    )
    func doctorPassword(_ profile: String, _ rule: String) async throws {
        let others = """
            launcher ALL=(bob) NOPASSWD: /bin/true, /bed/bin/impersonation-launcher, /bin/bash

            """
        let asked = try await findings(on: rule + "\n" + others, profile)
        #expect(asked.output.contains("permits the launcher, but asks for a password"), "\(asked.output)")
        #expect(asked.status == 1)
        let free = try await findings(on: rule.replacing("PASSWD", with: "NOPASSWD") + "\n" + others, profile)
        #expect(free.output.contains("permits the launcher"), "\(free.output)")
        #expect(!free.output.contains("gives a password"), "\(free.output)")
        let byDefault = "Defaults:launcher !authenticate\n" + rule.replacing("PASSWD: ", with: "") + "\n" + others
        let exempt = try await findings(on: byDefault, profile)
        #expect(!exempt.output.contains("gives a password"), "\(exempt.output)")
    }

    @Test(
        "doctor does not take a rule for something else for one that jobs need",
        arguments: [
            ("restricted", "launcher ALL=(alice) NOPASSWD: /bed/bin/impersonation-launcher signal *"),
            ("restricted", "launcher ALL=(bob) NOPASSWD: /bed/bin/impersonation-launcher"),
            ("restricted", "launcher ALL=(ALL, !alice) NOPASSWD: /bed/bin/impersonation-launcher"),
            ("login", "launcher ALL=(alice) NOPASSWD: /usr/bin/ssh"),
            ("su", "launcher ALL=(root) NOPASSWD: /usr/bin/sudoedit, /usr/bin/su alice"),
        ]
    )
    func doctorOtherRules(_ profile: String, _ rule: String) async throws {
        let outcome = try await findings(on: rule + "\n", profile)
        #expect(outcome.output.contains("does not permit the launcher as jobs need it"), "\(outcome.output)")
    }

    @Test("doctor reads rules that are as long as those for anybody but many")
    func longRules() async throws {
        let denied = (3_000..<9_000).map { ", !#\($0)" }.joined()
        let rule = "launcher ALL=(ALL\(denied)) NOPASSWD: /bin/true, /bed/bin/impersonation-launcher restricted /bin/id"
        let outcome = try await findings(on: rule + "\n", "restricted")
        #expect(outcome.output.contains("permits the launcher as alice"), "\(outcome.output.suffix(2_000))")
    }

    @Test(
        "doctor knows what belongs together in the rules where jobs have many accounts",
        arguments: [
            ("account", "    Commands:\n\t/l run *", false), ("account", "    Commands:\n\t/l signal *", nil),
            ("restricted", "    Options: authenticate\n    Commands:\n\t/bin/true\n\t/l restricted /bin/id", true),
            ("restricted", "    Options: setenv, !authenticate\n    Commands:\n\t/l restricted /bin/id", false),
            ("login", "    Commands:\n\tALL", false), ("login", "    Commands:\n\t/bin/true", nil),
            ("login", "    Options: authenticate\n    Commands:\n\t/bin/zsh", true),
            ("su", "    Commands:\n\t/bin/su alice", nil),
            ("su", "    Commands:\n\t/bin/su - alice -c x", false), ("su", "    Commands:\n\t/bin/su", false),
        ] as [(String, String, Bool?)]
    )
    func listing(_ profile: String, _ entry: String, _ asks: Bool?) throws {
        var options = SudoOptions()
        options.namedLauncher = "/l"
        options.namedProfile = SudoProfileChoice(rawValue: profile)
        #expect(options.profile.rawValue == profile)
        let check = SudoCheck(options: options, target: nil)
        for (defaults, byDefault) in [("!authenticate", false), ("env_reset", true)] {
            let text = """
                Matching Defaults entries for d on h:
                    \(defaults)

                User d may run the following commands on h:

                Sudoers entry: /etc/sudoers
                    RunAsUsers: ALL, !root,
                        !#1, !alice
                \(entry)

                """
            let found = try #require(SudoListing(text)).asks(as: nil, for: check.isMeant)
            let isSaid = entry.contains("authenticate")
            #expect(found == (isSaid || asks == nil ? asks : byDefault), "\(text)")
            #expect(try #require(SudoListing(text)).asks(as: ("alice", 2_001), for: check.isMeant) == nil)
            let spaced = try #require(SudoListing(text.replacing("\t", with: "        ")))
            #expect(spaced.asks(as: ("bob", 2_002), for: check.isMeant) == found)
        }
        #expect(SudoListing("User d may run the following commands on h:\n    (ALL) ALL\n") == nil)
    }

    /// What doctor says to the account `launcher` with these lines of sudoers, where jobs are alice's.
    private func findings(on rules: String, _ profile: String) async throws -> Tool.Outcome {
        let file = "/etc/sudoers.d/doctor-\(UInt64.random(in: 0...UInt64.max))"
        try Data(rules.utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o440], ofItemAtPath: file)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let place = "doctor-\(UInt64.random(in: 0...UInt64.max))"
        try scratch.makeDirectory(place, owner: 991)
        let settings = [
            "proxy_account = alice", "launch_backend = sudo", "audit_log = \(scratch.file("\(place)/a.jsonl"))",
        ]
        let options = ["--config", try scratch.write("\(place).conf", settings.joined(separator: "\n") + "\n")]
        return try await Tool.asAccount(991).run(["doctor", "--sudo-profile", profile] + options + sudo)
    }
}
