import Foundation
import Testing

@testable import impersonate

@Suite("The rules that impersonate sudoers prints, as sudo itself reads them", .inTestBed)
struct SudoersRulesTests {
    /// The account of the daemon, which no rule of the bed names.
    private static let worker = 991
    private static let launcher = "/bed/bin/impersonation-launcher"
    private static let sudo = ProcessInfo.processInfo.environment["IMPERSONATION_TEST_BED_SUDO"] ?? "/usr/bin/sudo"

    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    private func printed(_ settings: [String], _ arguments: [String] = []) async throws -> Tool.Outcome {
        let file = try scratch.write("worker.conf", settings.joined(separator: "\n") + "\n")
        return try await Tool()
            .run(
                [
                    "sudoers", "--worker", "launcher", "--sudo", Self.sudo, "--sudo-launcher", Self.launcher,
                    "--config", file,
                ]
                    + arguments
            )
    }

    /// Installs rules while `body` runs.
    private func with(_ lines: [String], _ body: () async throws -> Void) async throws {
        let file = "/etc/sudoers.d/printed-\(UInt64.random(in: 0...UInt64.max))"
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o440], ofItemAtPath: file)
        defer { try? FileManager.default.removeItem(atPath: file) }
        try await body()
    }

    /// What comes of a call of `sudo` by the daemon.
    private func sudo(_ arguments: [String]) async throws -> Tool.Outcome {
        try await Tool(prefix: Tool.asAccount(Self.worker).prefix + [Self.sudo, "-n"])
            .run(arguments, omittingTool: true)
    }

    /// Whether `sudo` has run what it was asked to run.
    private func isPermitted(_ arguments: [String]) async throws -> Bool {
        let outcome = try await sudo(arguments)
        // sudo tries a number before it looks at the rules; in a user namespace not every number is one of a user.
        let refusals = [
            "a password is required", "not allowed", "unknown user", "unknown group", "not permitted",
            "unable to change to runas uid",
        ]
        let isRefused = outcome.messages.contains("sudo: ") && refusals.contains { outcome.messages.contains($0) }
        #expect(!isRefused || outcome.status == 1 && outcome.output == "", "\(arguments): \(outcome)")
        return !isRefused
    }

    private func expect(_ permits: Bool, _ arguments: [String]) async throws {
        let isPermitted = try await isPermitted(arguments)
        #expect(isPermitted == permits, "\(arguments)")
    }

    private static let narrow = [
        "proxy_execution_mode = user", "minimum_uid = 2002", "denied_accounts = bob", "denied_groups = video",
    ]

    @Test("permit nobody below minimum_uid, whether it has an account by now or not, and nobody who is denied")
    func everybody() async throws {
        let outcome = try await printed(Self.narrow)
        #expect(outcome.status == 0, "\(outcome.messages)")
        // Numbers that nobody has yet: sudo takes them here, so that what refuses them is the rule.
        try await with(outcome.lines + ["Defaults:launcher runas_allow_unknown_id"]) {
            let refused = [
                "root", "toor", "#0", "rootgroup", "rootprimary", "daemon", "bin", "sys", "www-data", "#1", "#33",
                "svc999",
                "#999", "#150", "#1000", "#1500", "#2001", "alice", "bob", "bob2", "#2002", "render_user", "#2101",
                "#65535", "#65523", "#4294960001",
                "#4294967295", "#-1",
            ]
            for account in refused {
                try await expect(false, ["-u", account, "--", Self.launcher])
            }
            for account in ["carol", "#2003", "qubeproxy", "#29999"] {
                try await expect(true, ["-u", account, "--", Self.launcher])
            }
            for others in [["-u", "carol", "--", "/usr/bin/id"], ["-u", "carol", "-g", "video", "--", Self.launcher]] {
                try await expect(false, others)
            }
        }
    }

    @Test("permit no member of an allowed group whom another setting refuses")
    func members() async throws {
        let outcome = try await printed([
            "proxy_execution_mode = user", "allowed_groups = render", "minimum_uid = 2002", "denied_groups = video",
        ])
        try await with(outcome.lines) {
            for account in ["alice", "render_user", "bob", "root", "daemon"] {
                try await expect(false, ["-u", account, "--", Self.launcher])
            }
            try await expect(true, ["-u", "carol", "--", Self.launcher])
        }
    }

    @Test("name no allowed account that the policy refuses, and none of whom it is said that it should be one")
    func accounts() async throws {
        let settings = Self.narrow + ["allowed_accounts = alice, bob, carol, render_user, daemon, rootgroup"]
        let outcome = try await printed(settings)
        #expect(outcome.lines.last?.hasPrefix("#991 ALL=(#2003, !bob,") == true, "\(outcome)")
        try await with(outcome.lines) {
            for account in ["alice", "bob", "bob2", "render_user", "daemon", "rootgroup", "root"] {
                try await expect(false, ["-u", account, "--", Self.launcher])
            }
            try await expect(true, ["-u", "carol", "--", Self.launcher])
        }
        for account in ["daemon", "alice", "bob", "render_user", "rootgroup", "root"] {
            let named = try await printed(Self.narrow, ["--as", account])
            #expect(named.status == 1, "\(account): \(named)")
            #expect(named.output == "")
        }
    }

    @Test("deny every number up to a minimum that is not too far, and say what they cannot beyond that")
    func minima() async throws {
        let near = try await printed(["proxy_execution_mode = user", "minimum_uid = 1000"])
        #expect(near.output.contains("!#999, "))
        #expect(!near.output.contains("!#1000"))
        #expect(!near.output.contains("minimum_uid"))
        #expect(near.lines.allSatisfy { $0.utf8.count < 160 })
        let far = try await printed(["proxy_execution_mode = user", "minimum_uid = 100000"])
        #expect(far.status == 0, "\(far.messages)")
        for number in [1, 999, 2001, 65_534] { #expect(far.output.contains("!#\(number), ")) }
        #expect(!far.output.contains("!#1500, "))
        #expect(far.output.contains("minimum_uid: accounts from 1000 to below 100000"))
    }

    /// Commands with which a rule for `su` would give more than a job of one account.
    private static let others: [[String]] = [
        ["/usr/bin/su"], ["/usr/bin/su", "-"], ["/usr/bin/su", "alice"], ["/usr/bin/su", "-", "alice"],
        ["/usr/bin/su", "-", "bob", "-c", "exec \(launcher) session"],
        ["/usr/bin/su", "-", "root", "-c", "exec \(launcher) session"],
        ["/usr/bin/su", "-", "-c", "exec \(launcher) session"],
        ["/usr/bin/su", "-", "alice", "-c", "id"],
        ["/usr/bin/su", "-", "alice", "-c", "exec \(launcher) session; id"],
        ["/usr/bin/su", "-", "alice", "-c", "exec \(launcher) session", "root"],
        ["/usr/bin/su", "-", "alice", "-c", "exec \(launcher) session", "-c", "id"],
        ["/usr/bin/su", "-s", "/bin/sh", "-", "alice", "-c", "exec \(launcher) session"],
        ["/usr/bin/su", "-", "alice", "-s", "/bin/sh", "-c", "exec \(launcher) session"],
        ["/usr/bin/su", "-p", "-", "alice", "-c", "exec \(launcher) session"],
        ["/usr/bin/su", "alice", "-c", "exec \(launcher) session"],
        ["/usr/bin/su", "--login", "alice", "-c", "exec \(launcher) session"],
        ["/usr/bin/su", "-", "alice", "-c", "exec \(launcher) run /usr/bin/id"],
        ["/usr/bin/su", "-", "alice", "-c", "exec \(launcher) signal 9"],
        ["/usr/bin/su", "-", "alice", "-c", "exec \(launcher) signal 9 12:34; id"],
        ["/usr/bin/su", "-", "alice", "-c", "exec \(launcher) signal 9 12:34\nid"],
        ["/usr/bin/su", "-", "alice", "-c", "exec \(launcher) signal 9 $(id)"],
        ["/usr/bin/su", "-", "alice", "-c", "exec \(launcher) signal 9 12:34", "root"],
        ["/usr/bin/su", "-", "xalice", "-c", "exec \(launcher) signal 9 12:34"],
        ["/usr/bin/su", "-", "bob", "-c", "exec \(launcher) signal 9 12:34"],
        ["/usr/bin/su", "-", "MYCORPsomeuser", "-c", "exec \(launcher) session"],
        ["/usr/bin/su", "-", #"MYCORP\\someuser"#, "-c", "exec \(launcher) session"],
        ["/usr/bin/su", "-", #"OTHER\someuser"#, "-c", "exec \(launcher) session"],
        ["/usr/bin/su", "-", "dottedxname_with-every.mark", "-c", "exec \(launcher) signal 9 12:34"],
        ["/usr/bin/runuser", "-", "alice", "-c", "exec \(launcher) session"],
        ["/bin/sh", "-c", "exec \(launcher) session"], [launcher, "session"],
    ]

    @Test("for su are for one command of the accounts that they name, and for no other account or argument")
    func su() async throws {
        let names = ["alice", #"MYCORP\someuser"#, "dotted.name_with-every.mark"]
        let outcome = try await printed(
            ["proxy_account = render_user"],
            ["--sudo-profile", "su"] + names.flatMap { ["--as", $0] }
        )
        #expect(outcome.status == 0, "\(outcome.messages)")
        #expect(outcome.lines.contains { $0.hasPrefix("#991 ALL=(#0) NOPASSWD: EXEC: /usr/bin/su - alice -c exec ") })
        try await with(outcome.lines) {
            for name in names {
                let session = try await sudo(["--", "/usr/bin/su", "-", name, "-c", "exec \(Self.launcher) session"])
                #expect(session.messages.contains("standard input is not the socket of the daemon"), "\(session)")
                let signal = try await sudo([
                    "--", "/usr/bin/su", "-", name, "-c", "exec \(Self.launcher) signal 15 4194304:1 4194303:1",
                ])
                #expect(signal.status == 3, "\(signal)")
            }
            try scratch.makeDirectory("logs", owner: Self.worker)
            let settings = ["proxy_account = alice", "audit_log = \(scratch.file("logs/audit.jsonl"))"]
            let file = try scratch.write("run.conf", settings.joined(separator: "\n") + "\n")
            let options = [
                "--config", file, "--backend", "sudo", "--sudo", Self.sudo, "--sudo-launcher", Self.launcher,
            ]
            // What it is for works, and so do the signals that end it.
            let job = try await Tool.asAccount(Self.worker)
                .run(
                    ["run", "--sudo-profile", "su", "--timeout", "2s"] + options + [
                        "--", "sh", "-c", "id -un; sleep 1000",
                    ]
                )
            #expect(job.output == "alice\n", "\(job)")
            let doctor = try await Tool.asAccount(Self.worker).run(["doctor", "--sudo-profile", "su"] + options)
            #expect(doctor.output.contains("permits the launcher by su"), "\(doctor.output)")
            for command in Self.others { try await expect(false, ["--"] + command) }
            let right = ["/usr/bin/su", "-", "alice", "-c", "exec \(Self.launcher) session"]
            for options in [
                ["-u", "bob"], ["-u", "alice"], ["-g", "video"], ["-i"], ["-s"], ["-E"], ["LD_PRELOAD=/x.so"],
                ["-D", "/tmp"],
                ["-R", "/tmp"], ["-C", "100"],
            ] {
                let outcome = try await sudo(options + ["--"] + right)
                #expect(outcome.messages.contains("sudo: "), "\(options): \(outcome)")
                #expect(!outcome.messages.contains("impersonation-launcher"), "\(options): \(outcome)")
            }
            // Joined by blanks it is the same, and so sudo permits it: none of it is another account or another program.
            for split in [
                ["-", "alice", "-c", "exec", Self.launcher, "session"],
                ["- alice", "-c", "exec \(Self.launcher) session"],
                ["-", "alice -c", "exec \(Self.launcher) session"],
                ["-", "alice", "-c exec", Self.launcher, "session"],
            ] {
                let outcome = try await sudo(["--", "/usr/bin/su"] + split)
                #expect(outcome.output == "")
                #expect(!outcome.messages.contains("uid="))
            }
        }
    }

    @Test("for su are none where a name, a path or a target cannot be said exactly")
    func inexact() throws {
        var rules = SudoersRules(
            worker: SudoersRules.Account(name: "launcher", number: 991),
            targets: .everybody,
            launcher: Self.launcher,
            profile: .su
        )
        #expect(throws: SudoersRules.Problem.self) { try rules.lines() }
        rules.targets = .members(of: [SudoersRules.Account(name: "render", number: 3001)])
        #expect(throws: SudoersRules.Problem.self) { try rules.lines() }
        for name in ["-e", "a b", "a*", "a?", "[a]", "a!", "a,b", "a;b", "", "a:b", "a=b", "a\"b", "a#b", "^a"] {
            rules.targets = .accounts([SudoersRules.Account(name: name, number: 77)])
            #expect(throws: SudoersRules.Problem.self, "\(name)") { try rules.lines() }
        }
        rules.targets = .accounts([SudoersRules.Account(name: "alice", number: 2001)])
        rules.launcher = "/opt/our tools/launcher"
        #expect(throws: SudoersRules.Problem.self) { try rules.lines() }
        rules.launcher = "/opt/launcher"
        #expect(
            try rules.lines().last
                == "#991 ALL=(#0) NOPASSWD: EXEC: /usr/bin/su - alice -c exec /opt/launcher session"
        )
    }

    @Test(
        "for certain programs leave nothing of the environment to the daemon, whatever else the rules of the machine keep"
    )
    func environment() async throws {
        // It shows what the launcher would find.
        let standIn = "/bed/stand-in-\(UInt64.random(in: 0...UInt64.max))"
        try Data("#!/bin/sh\nexec /usr/bin/env\n".utf8).write(to: URL(filePath: standIn))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: standIn)
        let outcome = try await printed(
            ["proxy_account = render_user"],
            ["--sudo-profile", "restricted", "--command", "/usr/bin/env", "--sudo-launcher", standIn]
        )
        let control = "launcher ALL=(render_user) NOPASSWD: /usr/bin/env"
        let names = ["HOME", "SHELL", "USER", "LOGNAME"]
        let variables = names.map { "\($0)=/of/the/daemon" }
        // A value with a slash in it does not pass env_check.
        let checked = names.map { "\($0)=of-the-daemon" }
        let careless = [
            ["Defaults !env_reset, !set_logname", "Defaults env_keep += \"HOME SHELL USER LOGNAME\""],
            ["Defaults env_keep += \"*\""], ["Defaults env_keep += \"H* L* S* U*\""],
            ["Defaults env_check += \"HOME SHELL USER LOGNAME\""], ["Defaults setenv"],
        ]
        for others in careless {
            try await with(outcome.lines + others + [control]) {
                for given in [variables, checked] {
                    for (inherited, said) in [(given, []), ([], given)] {
                        let prefix = Tool.asAccount(Self.worker).prefix + ["/usr/bin/env"] + inherited
                        let call = prefix + [Self.sudo, "-n", "-u", "#2101"] + said + ["--"]
                        let made = try await Tool(prefix: call)
                            .run([standIn, "restricted", "/usr/bin/env"], omittingTool: true)
                        #expect(
                            !made.output.contains("of-the-daemon") && !made.output.contains("/of/the/daemon"),
                            "\(made)"
                        )
                        if said.isEmpty {
                            #expect(made.lines.contains("HOME=/bed/home/render_user"), "\(made)")
                        } else {
                            #expect(made.output == "", "\(made)")
                        }
                    }
                }
                // The rules of the machine are as careless as they are to be.
                var kept = ""
                for given in [variables, checked] {
                    for (inherited, said) in [(given, []), ([], given)] {
                        let prefix = Tool.asAccount(Self.worker).prefix + ["/usr/bin/env"] + inherited
                        let call = prefix + [Self.sudo, "-n", "-u", "render_user"] + said + ["--"]
                        kept += try await Tool(prefix: call).run(["/usr/bin/env"], omittingTool: true).output
                    }
                }
                #expect(kept.contains("of-the-daemon") || kept.contains("/of/the/daemon"), "\(others)")
            }
        }
    }

    /// Adds lines to a file of the bed while `body` runs.
    private func adding(_ lines: String, to file: String, before: Bool = false, _ body: () async throws -> Void)
        async throws
    {
        let former = try String(contentsOfFile: file, encoding: .utf8)
        try Data((before ? lines + former : former + lines).utf8).write(to: URL(filePath: file))
        defer { try? Data(former.utf8).write(to: URL(filePath: file)) }
        try await body()
    }

    @Test("deny a group whatever its number is called first")
    func secondNames() async throws {
        // What sudo makes of the number is the first one.
        try await adding("oldvideo:x:3002:bob\nvideo:x:3002:bob\n", to: "/etc/group", before: true) {
            let outcome = try await printed([
                "proxy_execution_mode = user", "minimum_uid = 2", "denied_groups = video", "denied_accounts = nosuch",
            ])
            #expect(outcome.output.contains("!%video, !%#3002"), "\(outcome)")
            try await with(outcome.lines) {
                try await expect(false, ["-u", "bob", "--", Self.launcher])
                try await expect(true, ["-u", "carol", "--", Self.launcher])
            }
        }
    }

    @Test("deny accounts and groups by their names before there are any, also odd ones")
    func later() async throws {
        let long = "group–" + String(repeating: "x", count: 90)
        let settings = [
            "proxy_execution_mode = user", "minimum_uid = 2", "denied_groups = later, \(long)",
            "denied_accounts = late",
        ]
        let early = try await printed(settings)
        try await adding("later:x:4001:alice\n\(long):x:4002:bob\n", to: "/etc/group") {
            let known = try await printed(settings)
            #expect(known.output.contains("!%\(long), !%#4002"), "\(known)")
            try await adding("late:x:4003:100::/:/bin/sh\n", to: "/etc/passwd") {
                for outcome in [early, known] {
                    #expect(outcome.status == 0, "\(outcome)")
                    try await with(outcome.lines) {
                        for account in ["alice", "bob", "late"] {
                            try await expect(false, ["-u", account, "--", Self.launcher])
                        }
                        try await expect(true, ["-u", "carol", "--", Self.launcher])
                    }
                }
            }
        }
    }

    @Test("permit no account and no group whose name differs in case alone")
    func otherCases() async throws {
        let accounts = """
            Carol:x:4005:100::/:/bin/sh
            Launcher:x:4006:100::/:/bin/sh
            Root:x:4007:100::/:/bin/sh

            """
        try await adding(accounts, to: "/etc/passwd") {
            try await adding("Render:x:4011:bob\nVideo:x:4012:\n", to: "/etc/group") {
                let user = "proxy_execution_mode = user"
                let named = try await printed([user, "allowed_accounts = carol"], ["--group", "video"])
                try await with(named.lines) {
                    for right in [["-u", "carol"], ["-u", "#2003"], ["-u", "#2003", "-g", "#3002"]] {
                        try await expect(true, right + ["--", Self.launcher])
                    }
                    for wrong in [
                        ["-u", "Carol"], ["-u", "#4005"], ["-u", "#2003", "-g", "#4012"],
                        ["-u", "carol", "-g", "Video"],
                    ] {
                        try await expect(false, wrong + ["--", Self.launcher])
                    }
                    let other =
                        Tool.asAccount(4006).prefix.filter { $0 != "--init-groups" } + [
                            "--clear-groups", Self.sudo, "-n",
                        ]
                    let outcome = try await Tool(prefix: other)
                        .run(["-u", "#2003", "--", Self.launcher], omittingTool: true)
                    #expect(outcome.messages.contains("a password is required"), "\(outcome)")
                }
                let members = try await printed([user, "allowed_groups = render", "minimum_uid = 2"])
                try await with(members.lines) {
                    try await expect(true, ["-u", "carol", "--", Self.launcher])
                    try await expect(false, ["-u", "bob", "--", Self.launcher])
                }
                let su = try await printed(["proxy_account = render_user"], ["--sudo-profile", "su", "--as", "carol"])
                try await with(su.lines) {
                    for command in ["session", "signal 15 4194304:1"] {
                        let words = ["-c", "exec \(Self.launcher) \(command)"]
                        try await expect(true, ["--", "/usr/bin/su", "-", "carol"] + words)
                        try await expect(false, ["--", "/usr/bin/su", "-", "Carol"] + words)
                        try await expect(false, ["--", "/usr/bin/su", "-", "CAROL"] + words)
                        try await expect(false, ["-u", "Root", "--", "/usr/bin/su", "-", "carol"] + words)
                    }
                }
            }
        }
    }

    @Test(
        "let what they permit run programs where the other rules forbid it, with each profile",
        arguments: ["su", "login"]
    )
    func noexec(_ profile: String) async throws {
        let outcome = try await printed(["proxy_account = alice"], ["--sudo-profile", profile, "--as", "alice"])
        try await with(outcome.lines + ["Defaults noexec"]) {
            try scratch.makeDirectory("logs", owner: Self.worker)
            let settings = ["proxy_account = alice", "audit_log = \(scratch.file("logs/audit.jsonl"))"]
            let file = try scratch.write("run.conf", settings.joined(separator: "\n") + "\n")
            let job = try await Tool.asAccount(Self.worker)
                .run([
                    "run", "--config", file, "--backend", "sudo", "--sudo", Self.sudo, "--sudo-launcher", Self.launcher,
                    "--sudo-profile", profile, "--", "id", "-un",
                ])
            #expect(job.output == "alice\n", "\(job)")
        }
    }

    @Test("are checked however long they are")
    func long() async {
        let lines = (0..<4_000).map { "#991 ALL=(#\($0 + 2_000)) NOPASSWD: /opt/launcher" }
        #expect(await RulesCheck.check(lines.joined(separator: "\n") + "\n") == .valid)
        #expect(await RulesCheck.check(lines.joined(separator: "\n") + "\nnonsense\n") != .valid)
    }
}
