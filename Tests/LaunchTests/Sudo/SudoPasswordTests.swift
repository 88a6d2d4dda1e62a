import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("A password that sudo asks for", .testBed)
struct SudoPasswordTests {
    private static func launcher(_ password: String, profile: SudoProfile = .account) -> SudoLauncher {
        .ofTheBed(
            profile: profile,
            authentication: .password {
                var bytes = Array(password.utf8)
                return try? Secret(consumingBytes: &bytes)
            }
        )
    }

    /// The error of a launch as alice with a password.
    private static func error(_ password: String, profile: SudoProfile = .account) async throws -> LaunchError {
        let launcher = launcher(password, profile: profile)
        return try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
    }

    private func withRule(_ body: () async throws -> Void) async throws {
        let rule = try SudoRule(
            "Defaults:renderd targetpw, passwd_tries=3",
            "renderd ALL=(alice) PASSWD: \(TestBed.launcher)"
        )
        try await body()
        rule.remove()
    }

    @Test("starts the job when it is right, and again at the next launch")
    func right() async throws {
        try await withRule {
            await #expect(processExitsWith: .success) {
                becomeUnprivilegedDaemon()
                for _ in 0..<2 {
                    let result = try await runScript("id -u", as: TestBed.alice.identity, Self.launcher("alice-secret"))
                    #expect(result.text == "2001\n")
                }
            }
        }
    }

    @Test("is given once when it is wrong, whatever sudo would permit")
    func wrong() async throws {
        try await withRule {
            await #expect(processExitsWith: .success) {
                becomeUnprivilegedDaemon()
                let asked = Mutex(0)
                let launcher = SudoLauncher.ofTheBed(
                    authentication: .password {
                        asked.withLock { $0 += 1 }
                        var bytes = Array("canary-wrong-secret".utf8)
                        return try? Secret(consumingBytes: &bytes)
                    }
                )
                let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
                #expect(error.sudoRefusal == .wrongPassword, "\(error)")
                #expect(error.code == .refused)
                #expect(!error.message.contains("canary"))
                #expect(asked.withLock { $0 } == 1)
            }
            let log = try ProcFile.read("/var/log/sudo.log")
            #expect(log.contains("1 incorrect password attempt"))
            #expect(!log.contains("2 incorrect password attempts"))
            #expect(!log.contains("canary"))
        }
    }

    @Test("is not in the job's input when nobody has asked for it")
    func notAsked() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            var command = Command(.path("/bin/sh"), arguments: ["-c", "cat; timeout 1 cat <&0"])
            command.standardInput = .bytes(Array("input".utf8))
            let result = try await run(command, as: TestBed.alice.identity, Self.launcher("alice-secret"))
            #expect(result.text == "input")
        }
    }

    @Test("never reaches the account, which knows the prompt and writes it where sudo does")
    func forged() async throws {
        let got = freshPath("got").string
        let place = try StandIn.install(
            """
            prompt=$(tr '\\0' '\\n' </proc/$PPID/cmdline | grep '^.impersonation ')
            printf '%s' "$prompt" >&2
            { timeout 2 head -c 12; echo "asked with $prompt"; } >\(got)
            """
        )
        await #expect(processExitsWith: .success) { [place = place as String] in
            becomeDaemon(999)
            let launcher = SudoLauncher(
                sudo: TestBed.sudo,
                launcher: FilePath(place),
                authentication: .password {
                    var bytes = Array("alice-secret".utf8)
                    return try? Secret(consumingBytes: &bytes)
                }
            )
            _ = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
        }
        let text = try ProcFile.read(FilePath(got))
        #expect(text.hasPrefix("asked with [impersonation "), "\(text)")
    }

    /// Held by no literal, so that what is found of it in memory was put there.
    private static func unmasked(_ masked: [UInt8]) -> [UInt8] { masked.map { $0 ^ 0x55 } }

    @Test("is nowhere while the job runs: in no command line, environment, memory, descriptor or log")
    func residue() async throws {
        let ready = freshPath("ready").string
        let done = freshPath("done").string
        let secret = Array("alice-secret".utf8).map { $0 ^ 0x55 }.map(Int.init)
        let canary = Array("what is there is found".utf8).map { $0 ^ 0x55 }.map(Int.init)
        try await withRule {
            let ending = Task {
                await #expect(processExitsWith: .success) {
                    [
                        ready = ready as String, done = done as String, secret = secret as [Int],
                        canary = canary as [Int]
                    ] in
                    becomeUnprivilegedDaemon()
                    let launcher = SudoLauncher.ofTheBed(
                        authentication: .password {
                            var bytes = Self.unmasked(secret.map { UInt8($0) })
                            return try? Secret(consumingBytes: &bytes)
                        }
                    )
                    let held = Self.unmasked(canary.map { UInt8($0) })
                    let script = """
                        cat; ls /proc/$$/fd
                        echo $$ $(cut -d' ' -f4 /proc/$$/stat) \(getpid()) >\(ready).new; mv \(ready).new \(ready)
                        until [ -e \(done) ]; do sleep 0.05; done
                        """
                    let result = try await runScript(script, as: TestBed.alice.identity, launcher)
                    #expect(result.text == "0\n1\n2\n")
                    withExtendedLifetime(held) {}
                }
            }
            while !exists(FilePath(ready)) { try await Task.sleep(for: .milliseconds(5)) }
            let processes = try ProcFile.read(FilePath(ready)).split(whereSeparator: \.isWhitespace)
                .compactMap { pid_t($0) }
            try #require(processes.count == 3)
            for process in processes {
                // The program of the tests itself has it among its texts.
                let places = try ProcessMemory.places(of: "alice-secret", in: process)
                    .filter { !$0.hasSuffix(".xctest") }
                #expect(places == [], "\(process) of \(processes)")
            }
            #expect(try !ProcessMemory.places(of: "what is there is found", in: processes[2]).isEmpty)
            #expect(try ProcFile.read(FilePath("/proc/\(processes[1])/cmdline")).contains("\0-S\0-k\0-p\0"))
            try writeFile("", to: FilePath(done))
            _ = await ending.value
            let log = try ProcFile.read("/var/log/sudo.log")
            #expect(log.contains("impersonation-launcher run /bin/sh"))
            #expect(!log.contains("alice-secret"))
        }
    }

    /// A service of PAM that wants the password, and records how often it was given one.
    private static func service(_ name: String, recordingIn attempts: String) throws -> ReplacedFile {
        try ReplacedFile(
            FilePath("/etc/pam.d").appending(name),
            """
            auth required \(PAMService.module) [auth:record=\(attempts)] [auth:expect=alice-secret]
            account required pam_permit.so
            session required pam_permit.so

            """
        )
    }

    /// What a rule has to permit for the ways that pass a shell.
    private static func shellRules(_ tag: String) throws -> SudoRule {
        try SudoRule(
            "renderd ALL=(alice) \(tag): /bin/bash",
            "renderd ALL=(root) \(tag): /usr/bin/su - alice -c exec \(TestBed.launcher) session"
        )
    }

    @Test(
        "is read by sudo before a shell of the account runs, and is neither there nor in the job's input",
        arguments: ["login", "substitute"]
    )
    func shells(_ name: String) async throws {
        let (attempts, seen) = (freshPath("attempts").string, freshPath("seen").string)
        let service = try Self.service(name == "login" ? "sudo-i" : "sudo", recordingIn: attempts)
        // Whether something waits where sudo had its answer from, without reading it.
        let profile = "/bed/home/alice/.profile"
        try writeFile("if read -t 0; then echo found; else echo nothing; fi >>\(seen)\n", to: FilePath(profile))
        let rule = try Self.shellRules("PASSWD")
        await #expect(processExitsWith: .success) {
            [name = name as String, attempts = attempts as String, seen = seen as String] in
            becomeUnprivilegedDaemon()
            let way = name == "login" ? SudoProfile.login : .substitute()
            var command = Command(.path("/bin/cat"))
            command.standardInput = .bytes(Array("the input of the job".utf8))
            let person = try await TestBed.alice.identity
            for _ in 0..<2 {
                let result = try await run(command, as: person, Self.launcher("alice-secret", profile: way))
                #expect(result.text == "the input of the job")
            }
            #expect(try ProcFile.read(FilePath(attempts)).count { $0 == "\n" } == 2)
            #expect(try ProcFile.read(FilePath(seen)) == "nothing\nnothing\n")
            let error = try await Self.error("canary-wrong", profile: way)
            #expect(error.sudoRefusal == .wrongPassword, "\(error)")
            #expect(!error.message.contains("canary"))
            #expect(try ProcFile.read(FilePath(seen)) == "nothing\nnothing\n", "the shell has run")
        }
        rule.remove()
        _ = unsafe unlink(profile)
        service.restore()
    }

    @Test(
        "never reaches a shell of the account that asks for it in the words of sudo",
        arguments: ["login", "substitute"]
    )
    func forgedByShell(_ name: String) async throws {
        let got = freshPath("got").string
        let profile = try AccountProfile(
            """
            process=$PPID
            until grep -qz '^.impersonation ' /proc/$process/cmdline; do process=$(cut -d' ' -f4 /proc/$process/stat); done
            prompt=$(tr '\\0' '\\n' </proc/$process/cmdline | grep '^.impersonation ')
            printf '%s' "$prompt" >&2
            { timeout 2 head -c 12; echo "asked with $prompt"; } >\(got)

            """
        )
        let rule = try Self.shellRules("NOPASSWD")
        await #expect(processExitsWith: .success) { [name = name as String] in
            becomeUnprivilegedDaemon()
            let way = name == "login" ? SudoProfile.login : .substitute()
            let result = try await runScript(
                "id -u",
                as: TestBed.alice.identity,
                Self.launcher("alice-secret", profile: way)
            )
            #expect(result.text == "2001\n")
        }
        let text = try ProcFile.read(FilePath(got))
        #expect(text.hasPrefix("asked with [impersonation "), "\(text)")
        rule.remove()
        profile.remove()
    }

    @Test(
        "of several lines is several attempts, and never reaches sudo",
        arguments: ["alice-secret\n", "a\nb\nc", "a\rb"]
    )
    func lines(_ password: String) async {
        await #expect(processExitsWith: .success) { [password = password as String] in
            becomeUnprivilegedDaemon()
            let error = try await Self.error(password)
            #expect(error.code == .invalidCommand, "\(error)")
        }
    }

    @Test("is given behind a lecture of any length, and a wrong one is told as wrong", arguments: [100, 9_000, 60_000])
    func lecture(_ length: Int) async throws {
        let place = freshPath("lecture").string
        try writeFile(
            String(repeating: "We trust you have received the usual lecture.\n", count: length / 46),
            to: FilePath(place)
        )
        // A prompt that is not found is not answered: sudo gives up after a minute then, and says so.
        let rule = try SudoRule("Defaults:renderd lecture=always, lecture_file=\(place), passwd_timeout=1")
        try await withRule {
            await #expect(processExitsWith: .success) {
                becomeUnprivilegedDaemon()
                do {
                    let launcher = Self.launcher("alice-secret")
                    #expect(try await runScript("id -u", as: TestBed.alice.identity, launcher).text == "2001\n")
                } catch {
                    Issue.record("the right password has started nothing: \(error)")
                }
                let error = try await Self.error("wrong")
                #expect(error.sudoRefusal == .wrongPassword, "\(error)")
            }
        }
        rule.remove()
    }

    @Test("is right, and a long lecture in front of it does not hide why there is no job", arguments: [100, 9_000])
    func refusedAfterLecture(_ length: Int) async throws {
        let place = freshPath("lecture").string
        try writeFile(String(repeating: "=", count: length), to: FilePath(place))
        let rule = try SudoRule("Defaults:renderd lecture=always, lecture_file=\(place)")
        let service = try ReplacedFile(
            "/etc/pam.d/sudo",
            """
            auth required \(PAMService.module) [auth:expect=alice-secret]
            account required \(PAMService.module) [account:return=13]
            session required pam_permit.so

            """
        )
        try await withRule {
            await #expect(processExitsWith: .success) {
                becomeUnprivilegedDaemon()
                let error = try await Self.error("alice-secret")
                #expect(error.sudoRefusal == .accountInvalid, "\(error)")
            }
        }
        service.restore()
        rule.remove()
    }

    @Test(
        "has no more bytes than that sudo reads, which would take the rest for another attempt",
        arguments: ["1.8.29", "1.8.31p2", "1.8", "1.9.0", "1.9.13p3"]
    )
    func length(_ version: String) async throws {
        let log = freshPath("called").string
        let sudo = try StandIn.install(
            "[ \"$1\" = --version ] && { echo Sudo version \(version); exit; }; echo called >>\(log)"
        )
        try #require(unsafe chmod(sudo, 0o4755) == 0)
        let takesAll = version.hasPrefix("1.9")
        await #expect(processExitsWith: .success) {
            [sudo = sudo as String, takesAll = takesAll as Bool, log = log as String] in
            becomeUnprivilegedDaemon()
            for (count, isTaken) in [(255, true), (256, takesAll), (511, takesAll)] {
                let launcher = SudoLauncher(
                    sudo: FilePath(sudo),
                    launcher: TestBed.launcher,
                    authentication: .password {
                        var bytes = [UInt8](repeating: UInt8(ascii: "x"), count: count)
                        return try? Secret(consumingBytes: &bytes)
                    }
                )
                let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
                #expect((error.code == .invalidCommand) == !isTaken, "\(count): \(error)")
                #expect(exists(FilePath(log)) == isTaken)
                if !isTaken { #expect(error.message.contains("more than the 255 bytes")) }
                _ = unsafe unlink(log)
            }
        }
    }

    @Test("may be as long as PAM takes with a sudo that reads as much")
    func longest() async throws {
        let password = String(repeating: "x", count: 511)
        let service = try ReplacedFile(
            "/etc/pam.d/sudo",
            """
            auth required \(PAMService.module) [auth:expect=\(password)]
            account required pam_permit.so
            session required pam_permit.so

            """
        )
        try await withRule {
            await #expect(processExitsWith: .success) { [password = password as String] in
                becomeUnprivilegedDaemon()
                let result = try await runScript("id -u", as: TestBed.alice.identity, Self.launcher(password))
                #expect(result.text == "2001\n")
            }
        }
        service.restore()
    }

    @Test("that nobody has ends the launch before sudo is asked")
    func none() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let launcher = SudoLauncher.ofTheBed(authentication: .password { nil })
            let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
            #expect(error.sudoRefusal == .wrongPassword)
            #expect(
                error.message
                    == "no password was given for sudo, so it was not started; let the closure return one, or make the rule NOPASSWD"
            )
        }
    }
}
