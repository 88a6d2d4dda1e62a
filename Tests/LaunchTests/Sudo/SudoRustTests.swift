import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// What of sudo-rs 0.2.5 differs from the original; what does not is said of both by the other suites.
@Suite("Behind sudo-rs", .testBed, .sudoRust)
struct SudoRustTests {
    @Test(
        "a job that a signal has ended is told as that, though sudo-rs has exited with 0",
        arguments: [SIGSEGV, SIGBUS, SIGPIPE]
    )
    func signals(_ number: Int32) async {
        await #expect(processExitsWith: .success) { [number = number as Int32] in
            becomeDaemon(999)
            let script = "ulimit -c 0; kill -\(number) $$"
            for launcher in [SudoLauncher.ofTheBedByRust(), .ofTheBedByRust(signalsThroughSudo: false)] {
                let result = try await runScript(script, as: TestBed.alice.identity, launcher)
                #expect(result.exit.status == .signaled(Signal(rawValue: number), coreDumped: false))
            }
            // Where that is mended, what is said of it in the documents is to be as well.
            let program = try #require(TestBed.sudoRust).string
            let words = [program, "-n", "-u", "#2001", "--", "/bin/sh", "-c", script]
            #expect(try SudoCall.run(words, for: .seconds(60)).status == 0)
        }
    }

    @Test("a success that nobody but sudo-rs has seen is not told as one")
    func unseen() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            var launcher = SudoLauncher.ofTheBedByRust()
            launcher.kernelsWord = { _ in .unknown }
            let person = try await TestBed.alice.identity
            for script in ["exit 0", "ulimit -c 0; kill -SEGV $$"] {
                let job = try await launcher.launch(
                    patient(Command(.path("/bin/sh"), arguments: ["-c", script])),
                    as: person
                )
                do throws(LaunchError) {
                    let report = try await job.exitReport()
                    Issue.record("\(script) is told as \(report.status)")
                } catch {
                    #expect(error.code == .statusLost, "\(error)")
                    #expect(error.message.contains("install the original sudo, or sudo-rs 0.2.13"))
                }
            }
            for (script, status) in [
                ("exit 3", TerminationStatus.exited(3)), ("kill -TERM $$", .signaled(.terminate, coreDumped: false)),
            ] {
                #expect(try await runScript(script, as: person, launcher).exit.status == status)
            }
            // The original one ends as its command has.
            var original = SudoLauncher.ofTheBed()
            original.kernelsWord = { _ in .unknown }
            #expect(try await runScript("exit 0", as: person, original).exit.status == .exited(0))
        }
    }

    @Test("nothing runs where the kernel does not tell what sudo-rs does not")
    func oldKernel() async {
        let marker = freshPath("marker").string
        await #expect(processExitsWith: .success) { [marker = marker as String] in
            becomeUnprivilegedDaemon()
            var launcher = SudoLauncher.ofTheBedByRust()
            launcher.isEndTold = false
            let command = Command(.path("/bin/sh"), arguments: ["-c", "echo ran >\(marker)"])
            let error = try await launchError(command, as: TestBed.alice.identity, launcher)
            #expect(error.code == .invalidCommand, "\(error)")
            #expect(error.message.contains("before 6.15 Linux tells nobody else; install the original sudo"))
            #expect(!exists(FilePath(marker)))
            var original = SudoLauncher.ofTheBed()
            original.isEndTold = false
            #expect(try await run(command, as: TestBed.alice.identity, original).exit.status == .exited(0))
        }
    }

    /// Launches as the account that runs this, and expects the reason in the words of sudo-rs.
    private static func expect(
        _ refusal: SudoRefusal,
        _ words: String,
        _ launcher: SudoLauncher = .ofTheBedByRust(),
        as identity: ExecutionIdentity? = nil
    ) async throws {
        let person = if let identity { identity } else { try await TestBed.alice.identity }
        let error = try await launchError(Command(.path("/usr/bin/id")), as: person, launcher)
        #expect(error.sudoRefusal == refusal, "\(error)")
        #expect(error.message.contains(words), "\(error)")
        #expect(error.code == (refusal.isPolicy ? .refused : .notPermitted))
    }

    @Test(
        "who has no rule for it is told so, before any password is asked for, whatever else is wrong with the rules",
        arguments: [
            "# nothing", "launcher ALL=(alice) NOPASSWD: /bin/true", "launcher ALL=(bob) NOPASSWD: ALL",
            "launcher ALL=(bob) PASSWD: ALL", "Defaults nosuch, syslog", "launcher ALL=(alice NOPASSWD: ALL",
        ]
    )
    func noRule(_ line: String) async throws {
        let rule = try SudoRule(forRust: line)
        await #expect(processExitsWith: .success) {
            becomeDaemon(991)
            try await Self.expect(.notInSudoers, "I'm sorry launcher. I'm afraid I can't do that")
        }
        rule.remove()
    }

    @Test("a password that is not there, an account, a launcher and rules that nobody can use are told as that")
    func refusals() async throws {
        let rule = try SudoRule(forRust: "launcher ALL=(alice) PASSWD: ALL")
        await #expect(processExitsWith: .success) {
            becomeDaemon(991)
            // What it says as well where the password of the daemon has expired: its words are told, and no reason made of them.
            try await Self.expect(.other, "Authentication token manipulation error")
        }
        // The stack of Debian, where pam_deny has the last word.
        let denying = try ReplacedFile(
            "/etc/pam.d/sudo",
            """
            auth [success=1 default=ignore] pam_unix.so nullok
            auth requisite pam_deny.so
            auth required pam_permit.so
            account required pam_permit.so
            session required pam_permit.so

            """
        )
        await #expect(processExitsWith: .success) {
            becomeDaemon(991)
            try await Self.expect(.passwordRequired, "interactive authentication is required")
        }
        denying.restore()
        rule.remove()
        await #expect(processExitsWith: .success) {
            becomeDaemon(999)
            let nobody = try identity(userID: 29_999, groupID: 29_999, groups: [29_999])
            try await Self.expect(.unknownAccount, "user '#29999' not found", as: nobody)
            let absent = SudoLauncher(sudo: try #require(TestBed.sudoRust), launcher: "/bed/bin/absent")
            try await Self.expect(.launcherNotFound, "'/bed/bin/absent': command not found", absent)
        }
        await #expect(processExitsWith: .success) {
            becomeDaemon(29_998)
            try await Self.expect(.accountInvalid, "user 'current user' not found")
        }
        for (code, words) in [(13, "User account has expired"), (7, "Account validation failure")] {
            let service = try ReplacedFile(
                "/etc/pam.d/sudo",
                "account required \(PAMService.module) [account:return=\(code)]\nsession required pam_permit.so\n"
            )
            await #expect(processExitsWith: .success) { [words = words as String] in
                becomeUnprivilegedDaemon()
                try await Self.expect(.accountInvalid, words)
            }
            service.restore()
        }
        try #require(unsafe chmod("/etc/sudoers-rs", 0o446) == 0)
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            try await Self.expect(.invalidRules, "invalid configuration: /etc/sudoers-rs cannot be world-writable")
        }
        try #require(unsafe chmod("/etc/sudoers-rs", 0o440) == 0)
    }

    @Test("sudo -i and su - lead to the same job as sudo -u does", arguments: ["login", "substitute"])
    func shells(_ name: String) async throws {
        // For su any arguments, which no daemon should have: a rule cannot name those that it needs.
        let rule = try SudoRule(
            forRust: "renderd ALL=(root) NOPASSWD: /usr/bin/su",
            "renderd ALL=(alice) NOPASSWD: /bin/bash"
        )
        let profile = FilePath("/bed/home/alice/.profile")
        try writeFile("echo hello; echo warning >&2; export FROM_PROFILE='of alice'\n", to: profile)
        await #expect(processExitsWith: .success) { [name = name as String] in
            becomeUnprivilegedDaemon()
            let launcher = SudoLauncher.ofTheBedByRust(profile: name == "login" ? .login : .substitute())
            for environment in [EnvironmentPolicy.clean, .export(["SHOT": "$(id)\n'"]), .login] {
                var command = Command(.path(FilePath(TestBed.probe)), arguments: ["a b", "$(id)", ""])
                command.environment = environment
                let result = try await run(command, as: TestBed.alice.identity, launcher)
                let report = try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
                #expect(Array(report.arguments.dropFirst()) == ["a b", "$(id)", ""])
                #expect(report.userID == .all(2001))
                #expect(report.groups == TestBed.alice.groups)
                #expect(report.session == report.process)
                #expect(report.descriptors.map(\.number) == [0, 1, 2])
                #expect(report.environment.contains("FROM_PROFILE=of alice") == (environment == .login))
                #expect(!report.environment.contains { $0.hasPrefix("SUDO_") || $0.hasPrefix("LC_") })
                if environment == .clean { #expect(report.environment.count == 5) }
            }
            let ended = try await runScript("exit 7", as: TestBed.alice.identity, launcher)
            #expect(ended.exit.status == .exited(7))
            let killed = try await runScript("ulimit -c 0; kill -SEGV $$", as: TestBed.alice.identity, launcher)
            // su(1) tells a signal as an exit status.
            #expect(
                killed.exit.status
                    == (name == "login" ? .signaled(.segmentationFault, coreDumped: false) : .exited(128 + SIGSEGV))
            )
        }
        _ = unsafe unlink(profile.string)
        rule.remove()
    }

    @Test(
        "a rule names each argument, and no pattern or argument with blanks in it",
        arguments: [
            ("restricted /usr/bin/id -u", true), ("restricted /usr/bin/id *", false), ("restricted /usr/bin/id", false),
            ("restricted /usr/bin/id -[a-z]", false), ("", true), ("^restricted .*$", false),
        ]
    )
    func restricted(_ arguments: String, _ isPermitted: Bool) async throws {
        let rule = try SudoRule(forRust: "launcher ALL=(alice) NOPASSWD: \(TestBed.launcher) \(arguments)")
        await #expect(processExitsWith: .success) { [isPermitted = isPermitted as Bool] in
            becomeDaemon(991)
            let launcher = SudoLauncher.ofTheBedByRust(profile: .restricted)
            let command = Command(.path("/usr/bin/id"), arguments: ["-u"])
            if isPermitted {
                #expect(try await run(command, as: TestBed.alice.identity, launcher).text == "2001\n")
            } else {
                let error = try await launchError(command, as: TestBed.alice.identity, launcher)
                #expect(error.sudoRefusal == .notInSudoers, "\(error)")
            }
        }
        rule.remove()
    }

    @Test(
        "a rule cannot name the command that su needs",
        arguments: ["exec \(TestBed.launcher) session", "exec\\ \(TestBed.launcher)\\ session"]
    )
    func substitution(_ command: String) async throws {
        let rule = try SudoRule(forRust: "renderd ALL=(root) NOPASSWD: /usr/bin/su - alice -c \(command)")
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let launcher = SudoLauncher.ofTheBedByRust(profile: .substitute())
            try await Self.expect(.notInSudoers, "I'm afraid I can't do that", launcher)
        }
        rule.remove()
    }

    @Test("a primary group needs a rule that names it, unless it is one of the account's")
    func groups() async throws {
        for (runas, isPermitted) in [("alice", false), ("alice:empty", true)] {
            let rule = try SudoRule(forRust: "launcher ALL=(\(runas)) NOPASSWD: \(TestBed.launcher)")
            await #expect(processExitsWith: .success) { [isPermitted = isPermitted as Bool] in
                becomeDaemon(991)
                var profile = SudoProfile.account
                profile.namesGroup = true
                let launcher = SudoLauncher.ofTheBedByRust(profile: profile)
                let own = try identity(userID: 2001, groupID: 3001, groups: [2001, 3001, 3002])
                #expect(try await runScript("id -G", as: own, launcher).text == "3001 2001 3002\n")
                let other = try identity(userID: 2001, groupID: 3004, groups: [2001, 3001, 3002, 3004])
                if isPermitted {
                    #expect(try await runScript("id -G", as: other, launcher).text == "3004 2001 3001 3002\n")
                } else {
                    try await Self.expect(.notInSudoers, "I'm afraid I can't do that", launcher, as: other)
                }
            }
            rule.remove()
        }
    }

    @Test("no password is given, nor asked for, whatever the rule says")
    func password() async throws {
        let rule = try SudoRule(forRust: "renderd ALL=(alice) PASSWD: \(TestBed.launcher), /bin/bash")
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            for profile in [SudoProfile.account, .login] {
                let authentication = SudoAuthentication.password {
                    Issue.record("the password is asked for")
                    return nil
                }
                let launcher = SudoLauncher.ofTheBedByRust(profile: profile, authentication: authentication)
                let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
                #expect(error.code == .invalidCommand, "\(error)")
                #expect(error.message.contains("it does not say what a module of PAM asks for"), "\(error)")
            }
            #expect(!hasChildren())
        }
        rule.remove()
    }

    @Test("a job has nothing of its daemon's but what the launcher brings, and is in its cgroup", .controlGroups)
    func descriptors() async {
        await #expect(processExitsWith: .success) {
            let launcher = try SudoWay.controlGroupByRust.becomeDaemon()
            let spare = try FileDescriptor.open(FilePath("/dev/null"), .readOnly)
            #expect(fcntl(spare.rawValue, F_SETFD, 0) == 0)
            let job = try await runScript("ls /proc/$$/fd; cat /proc/$$/cgroup", as: TestBed.alice.identity, launcher)
            guard case .controlGroup(let group) = job.process.report.containment else {
                Issue.record("\(job.process.report.containment)")
                return
            }
            #expect(job.text.hasPrefix("0\n1\n2\n"), "\(job.text)")
            #expect(job.text.contains(try #require(group.lastComponent).string), "\(job.text)")
            try spare.close()
        }
    }
}
