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

    @Test("never reaches the account when nobody asks for it")
    func notAsked() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            var command = Command(.path("/bin/cat"))
            command.standardInput = .bytes(Array("input".utf8))
            let result = try await run(command, as: TestBed.alice.identity, Self.launcher("alice-secret"))
            #expect(result.text == "input")
        }
    }

    @Test("is in no command line, no environment and no message")
    func residue() async throws {
        try await withRule {
            await #expect(processExitsWith: .success) {
                becomeUnprivilegedDaemon()
                let script = "cat /proc/[0-9]*/cmdline /proc/self/environ 2>/dev/null; ls /proc/self/fd"
                let result = try await runScript(script, as: TestBed.alice.identity, Self.launcher("alice-secret"))
                #expect(result.text.contains("impersonation-launcher"))
                #expect(!result.text.contains("alice-secret"))
            }
        }
    }

    @Test("is not for ways that pass a shell of the account, which could ask for it as well")
    func shells() async throws {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            for profile in [SudoProfile.login, .substitute()] {
                let launcher = Self.launcher("alice-secret", profile: profile)
                let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
                #expect(error.code == .invalidCommand)
            }
        }
    }

    @Test(
        "of several lines is several attempts, and never reaches sudo",
        arguments: ["alice-secret\n", "a\nb\nc", "a\rb"]
    )
    func lines(_ password: String) async {
        await #expect(processExitsWith: .success) { [password = password as String] in
            becomeUnprivilegedDaemon()
            let error = try await launchError(
                Command(.path("/bin/true")),
                as: TestBed.alice.identity,
                Self.launcher(password)
            )
            #expect(error.code == .invalidCommand, "\(error)")
        }
    }

    @Test("that nobody has ends the launch before sudo is asked")
    func none() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let launcher = SudoLauncher.ofTheBed(authentication: .password { nil })
            let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
            #expect(error.sudoRefusal == .wrongPassword)
        }
    }
}
