import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("What sudo refuses", .testBed)
struct SudoRefusalTests {
    /// Launches as the account that runs this, and expects the reason.
    private static func expect(
        _ refusal: SudoRefusal,
        _ launcher: SudoLauncher = .ofTheBed(),
        as identity: ExecutionIdentity? = nil
    ) async throws {
        let person = if let identity { identity } else { try await TestBed.alice.identity }
        let error = try await launchError(Command(.path("/bin/true")), as: person, launcher)
        #expect(error.sudoRefusal == refusal, "\(error)")
        #expect(error.code == (refusal.isPolicy ? .refused : .notPermitted))
        #expect(error.backend == .sudo)
        #expect(error.account?.spelling == person.account.name.spelling)
        #expect(error.message.utf8.count < 1_500)
    }

    @Test("without a rule is a password that is required: sudo asks before it says so")
    func noRule() async {
        await #expect(processExitsWith: .success) {
            becomeDaemon(991)
            try await Self.expect(.passwordRequired)
        }
    }

    @Test("with a rule that asks for a password is that it does")
    func passwordRequired() async throws {
        let rule = try SudoRule("svc999 ALL=(bob) PASSWD: ALL")
        await #expect(processExitsWith: .success) {
            becomeDaemon(999)
            try await Self.expect(.passwordRequired, as: try await TestBed.bob.identity)
        }
        rule.remove()
    }

    @Test("of another program than the rule names is that the command is not allowed")
    func commandNotAllowed() async throws {
        let rule = try SudoRule("launcher ALL=(alice) NOPASSWD: \(TestBed.launcher) restricted /usr/bin/id")
        await #expect(processExitsWith: .success) {
            becomeDaemon(991)
            let launcher = SudoLauncher.ofTheBed(profile: .restricted)
            let allowed = try await run(Command(.path("/usr/bin/id")), as: TestBed.alice.identity, launcher)
            #expect(allowed.exit.status == .exited(0))
            #expect(allowed.text.hasPrefix("uid=2001(alice)"))
            for refused in [
                Command(.path("/usr/bin/env")), Command(.path("/usr/bin/id"), arguments: ["-u"]), Command(.name("id")),
            ] {
                let error = try await launchError(refused, as: TestBed.alice.identity, launcher)
                #expect([.commandNotAllowed, .passwordRequired].contains(error.sudoRefusal), "\(error)")
            }
            try await Self.expect(.passwordRequired)
        }
        rule.remove()
    }

    @Test("of an account that the rule does not name is told")
    func otherAccount() async {
        await #expect(processExitsWith: .success) {
            becomeDaemon(999)
            let error = try await launchError(
                Command(.path("/bin/true")),
                as: try await TestBed.carol.identity,
                SudoLauncher.ofTheBed()
            )
            #expect([.commandNotAllowed, .passwordRequired].contains(error.sudoRefusal), "\(error)")
        }
    }

    @Test("of an account that it does not know is that")
    func unknownAccount() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            try await Self.expect(.unknownAccount, as: try identity(userID: 29_999, groupID: 29_999, groups: [29_999]))
        }
    }

    @Test("without a launcher is that it is not there")
    func launcherMissing() async {
        await #expect(processExitsWith: .success) {
            becomeDaemon(999)
            try await Self.expect(.launcherNotFound, SudoLauncher(sudo: TestBed.sudo, launcher: "/bed/bin/absent"))
        }
    }

    @Test("for want of a terminal is that")
    func terminalRequired() async throws {
        let rule = try SudoRule("Defaults:renderd requiretty")
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            try await Self.expect(.terminalRequired)
        }
        rule.remove()
    }

    @Test("where it is not the sudo of root is told without running it")
    func untrusted() async throws {
        let place = FilePath("/bed/untrusted-\(UInt64.random(in: 0...UInt64.max))")
        let open = place.appending("open")
        try #require(unsafe mkdir(place.string, 0o755) == 0 && mkdir(open.string, 0o755) == 0)
        try #require(unsafe chmod(open.string, 0o777) == 0)
        for name in ["plain", "others", "writable", "open/within"] {
            let copy = try FileDescriptor.open(
                place.appending(name),
                .writeOnly,
                options: [.create, .exclusiveCreate],
                permissions: [.ownerReadWriteExecute, .groupRead, .groupExecute, .otherRead, .otherExecute]
            )
            try copy.closeAfter { _ = try copy.writeAll("#!/bin/sh\necho ran > \(place)/ran\n".utf8) }
            try #require(unsafe chmod(place.appending(name).string, name == "plain" ? 0o755 : 0o4755) == 0)
        }
        try #require(unsafe chown(place.appending("others").string, 990, 990) == 0)
        try #require(unsafe chmod(place.appending("others").string, 0o4755) == 0)
        try #require(unsafe chmod(place.appending("writable").string, 0o4775) == 0)
        try #require(unsafe symlink(TestBed.sudo.string, open.appending("link").string) == 0)
        try #require(unsafe symlink(TestBed.sudo.string, place.appending("link").string) == 0)
        await #expect(processExitsWith: .success) { [place = place.string as String] in
            becomeUnprivilegedDaemon()
            let cases: [(String, SudoRefusal)] = [
                ("absent", .notInstalled), ("plain", .notSetUserID), ("others", .notTrusted),
                ("writable", .notTrusted), ("open/within", .notTrusted), ("open/link", .notTrusted), ("", .notTrusted),
            ]
            for (name, refusal) in cases {
                let path = FilePath(place).appending(name)
                try await Self.expect(refusal, SudoLauncher(sudo: path, launcher: TestBed.launcher))
            }
            try await Self.expect(.notTrusted, SudoLauncher(sudo: "sudo", launcher: TestBed.launcher))
            // As update-alternatives(1) leads to one of several.
            let link = SudoLauncher(sudo: FilePath(place).appending("link"), launcher: TestBed.launcher)
            let result = try await run(
                Command(.path("/usr/bin/id"), arguments: ["-u"]),
                as: TestBed.alice.identity,
                link
            )
            #expect(result.text == "2001\n")
        }
        #expect(!exists(place.appending("ran")))
    }

    @Test("with a search path of somebody else's is the sudo that was named, whatever lies there")
    func searchPath() async throws {
        let place = FilePath("/bed/path-\(UInt64.random(in: 0...UInt64.max))")
        let mark = freshPath("mark")
        try #require(unsafe mkdir(place.string, 0o755) == 0)
        let standIn = try StandIn.install("printf '%s\\n' \"$*\" >\(mark)")
        for name in ["sudo", TestBed.sudo.lastComponent?.string ?? "", "impersonation-launcher", "id"] {
            _ = unsafe symlink(standIn, place.appending(name).string)
        }
        await #expect(processExitsWith: .success) { [place = place.string as String, mark = mark.string as String] in
            #expect(unsafe setenv("PATH", "\(place):/usr/bin:/bin", 1) == 0)
            becomeUnprivilegedDaemon()
            let result = try await run(
                Command(.path("/usr/bin/id"), arguments: ["-u"]),
                as: TestBed.alice.identity,
                SudoLauncher.ofTheBed()
            )
            #expect(result.text == "2001\n")
            #expect(!exists(FilePath(mark)), "the one of the search path has run")
            // Nor where there is none in the place that was named.
            try await Self.expect(.notInstalled, SudoLauncher(sudo: "/nonexistent/sudo", launcher: TestBed.launcher))
            #expect(!exists(FilePath(mark)), "the one of the search path has run, for want of another")
            // Whoever looks for it finds that one.
            let found = try SudoCall.run(["/bin/sh", "-c", "PATH=\(place); sudo -n id"], for: .seconds(60))
            #expect(found.status == 0, "\(found)")
            let text = try ProcFile.read(FilePath(mark))
            #expect(text == "-n id\n", "\(text)")
        }
    }

    @Test("and a job that exits with 1 are two things")
    func exitStatusOne() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let script = "echo 'sudo: a password is required' >&2; exit 1"
            let result = try await runScript(script, as: TestBed.alice.identity, SudoLauncher.ofTheBed())
            #expect(result.exit.status == .exited(1))
            #expect(result.exit.standardError?.text == "sudo: a password is required\n")
        }
    }

    @Test("never runs for a daemon that is root, or a job of the daemon's own account")
    func withoutSudo() async throws {
        let error = try await launchError(
            Command(.path("/bin/true")),
            as: TestBed.alice.identity,
            SudoLauncher.ofTheBed()
        )
        #expect(error.code == .unsuitableBackend)
        await #expect(processExitsWith: .success) {
            becomeDaemon(990)
            let daemon = TestBed.Person("renderd", userID: 990, groupID: 990)
            do {
                let result = try await run(
                    Command(.path("/usr/bin/id"), arguments: ["-u"]),
                    as: daemon.identity,
                    SudoLauncher(sudo: "/nonexistent")
                )
                #expect(result.text == "990\n")
            } catch {
                Issue.record("\(error)")
            }
        }
    }

    @Test("of what sudo keeps from running programs, or stands in front of, is that")
    func interference() async throws {
        for line in ["Defaults:renderd noexec", "Defaults:renderd log_input, log_output, iolog_dir=/bed/tmp/io"] {
            let rule = try SudoRule(line)
            await #expect(processExitsWith: .success) {
                becomeUnprivilegedDaemon()
                try await Self.expect(.interferes)
            }
            rule.remove()
        }
    }

    @Test("is read in English, whatever the daemon's own locale is")
    func locale() async {
        await #expect(processExitsWith: .success) {
            for (name, value) in [("LC_ALL", "C.UTF-8"), ("LANG", "de_DE.UTF-8"), ("LANGUAGE", "de:fr")] {
                #expect(unsafe setenv(name, value, 1) == 0)
            }
            becomeDaemon(991)
            try await Self.expect(.passwordRequired)
            let answer = try SudoCall.run(["/usr/bin/env"], for: .seconds(60))
            #expect(answer.output == "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n")
        }
    }

    @Test("can name any message without breaking a log")
    func message() {
        for refusal in SudoRefusal.allCases { #expect(!refusal.remedy.isEmpty) }
        #expect(SudoRefusal(message: "sudo: a password is required") == .passwordRequired)
        #expect(SudoRefusal(message: "sudo-rs: interactive authentication is required") == .passwordRequired)
        #expect(SudoRefusal(message: "sudo-rs: I'm sorry eve. I'm afraid I can't do that") == .notInSudoers)
        #expect(SudoRefusal(message: "sudo-rs: user '#29999' not found") == .unknownAccount)
        #expect(SudoRefusal(message: "sudo-rs: user 'current user' not found") == .accountInvalid)
        #expect(
            SudoRefusal(
                message: #"sudo: The "no new privileges" flag is set, which prevents sudo from running as root."#
            )
                == .noNewPrivileges
        )
        #expect(SudoRefusal(message: "whatever") == .other)
    }
}
