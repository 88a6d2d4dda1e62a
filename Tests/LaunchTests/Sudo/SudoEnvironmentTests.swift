import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("What reaches a job behind sudo", .testBed)
struct SudoEnvironmentTests {
    private static func probe(
        _ arguments: [String] = [],
        _ launcher: SudoLauncher,
        as person: TestBed.Person = TestBed.alice,
        configure: (inout Command) -> Void = { _ in }
    ) async throws -> ProbeReport {
        var command = Command(.path(FilePath(TestBed.probe)), arguments: arguments)
        configure(&command)
        let result: JobResult
        do {
            result = try await run(command, as: person.identity, launcher)
        } catch {
            // An error that leaves the process of a test tells nobody what it was.
            Issue.record("\(error)")
            throw error
        }
        try #require(result.exit.status == .exited(0), "\(result.exit)")
        #expect(result.process.report.backend == .sudo)
        #expect([.kernel, .procfs].contains(result.process.report.attestation))
        return try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
    }

    private static let difficult = [
        "--", "", "a b", "$(id)", "`id`;|&<>", "ü", "line\nline", "-e", "'\"\\", "*", "$HOME",
    ]

    @Test("is the environment of the command, and nothing that sudo adds")
    func environment() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let report = try await Self.probe([], .ofTheBed()) {
                $0.environment = .export(["SHOT": "x;y\n", "SUDO_COMMAND": "no", "LD_PRELOAD": "/x.so"])
            }
            #expect(
                report.environment.sorted() == [
                    "HOME=/bed/home/alice", "LOGNAME=alice", "PATH=/usr/local/bin:/usr/bin:/bin", "SHELL=/bin/bash",
                    "SHOT=x;y\n", "USER=alice",
                ]
            )
        }
    }

    @Test("is in no command line, the variables least of all")
    func commandLines() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let canary = "canary-\(UInt64.random(in: 0...UInt64.max))"
            var command = Command(.path("/bin/sh"), arguments: ["-c", "cat /proc/[0-9]*/cmdline 2>/dev/null; :"])
            command.environment = .export(["SECRET": canary])
            let result = try await run(command, as: TestBed.alice.identity, SudoLauncher.ofTheBed())
            #expect(result.text.contains("impersonation-launcher\0run\0/bin/sh"))
            #expect(!result.text.contains(canary))
        }
    }

    @Test("through sudo -i and through su - is the same, byte for byte", arguments: ["login", "substitute"])
    func shells(_ name: String) async throws {
        let rule = try SudoRule(
            "renderd ALL=(root) NOPASSWD: /usr/bin/su - alice -c exec \(TestBed.launcher) session",
            "renderd ALL=(alice) NOPASSWD: /bin/bash"
        )
        await #expect(processExitsWith: .success) { [name = name as String] in
            becomeUnprivilegedDaemon()
            let profile = name == "login" ? SudoProfile.login : .substitute()
            let report = try await Self.probe(Self.difficult, .ofTheBed(profile: profile)) {
                $0.environment = .export(["SHOT": "$(id)\n'"])
            }
            #expect(Array(report.arguments.dropFirst()) == Self.difficult)
            #expect(report.environment.contains("SHOT=$(id)\n'"))
            #expect(report.environment.count == 6)
            #expect(report.userID == .all(2001))
            #expect(report.groups == TestBed.alice.groups)
            #expect(report.session == report.process)
            #expect(report.descriptors.map(\.number) == [0, 1, 2])
        }
        rule.remove()
    }

    @Test(
        "of a login shell's profile is there when the login environment is asked for",
        arguments: ["login", "substitute"]
    )
    func profiles(_ name: String) async throws {
        let rule = try SudoRule(
            "renderd ALL=(root) NOPASSWD: /usr/bin/su - alice -c exec \(TestBed.launcher) session",
            "renderd ALL=(alice) NOPASSWD: /bin/bash"
        )
        let profile = FilePath("/bed/home/alice/.profile")
        let file = try FileDescriptor.open(
            profile,
            .writeOnly,
            options: [.create, .truncate],
            permissions: [.ownerReadWrite, .otherRead]
        )
        // It writes, and reads, as profiles do that were never meant for this.
        try file.closeAfter {
            _ = try file.writeAll("echo hello; echo warning >&2; export FROM_PROFILE='of alice'\n".utf8)
        }
        await #expect(processExitsWith: .success) { [name = name as String] in
            becomeUnprivilegedDaemon()
            let chosen = name == "login" ? SudoProfile.login : .substitute()
            let report = try await Self.probe(Self.difficult, .ofTheBed(profile: chosen)) { $0.environment = .login }
            #expect(report.environment.contains("FROM_PROFILE=of alice"))
            #expect(!report.environment.contains { $0.hasPrefix("SUDO_") })
            // The locale is the account's: nothing that the daemon calls sudo with is in its way.
            #expect(!report.environment.contains { $0.hasPrefix("LC_") || $0.hasPrefix("LANG") })
            #expect(Array(report.arguments.dropFirst()) == Self.difficult)
        }
        _ = unsafe unlink(profile.string)
        rule.remove()
    }

    @Test("of a rule for certain programs is what sudo gives: no variable, no file")
    func restricted() async throws {
        let rule = try SudoRule("launcher ALL=(alice) NOPASSWD: \(TestBed.launcher) restricted \(TestBed.probe) *")
        await #expect(processExitsWith: .success) {
            becomeDaemon(991)
            let launcher = SudoLauncher.ofTheBed(profile: .restricted)
            let report = try await Self.probe(["--", "x"], launcher)
            #expect(
                report.environment.sorted() == [
                    "HOME=/bed/home/alice", "LOGNAME=alice", "PATH=/usr/local/bin:/usr/bin:/bin", "SHELL=/bin/bash",
                    "USER=alice",
                ]
            )
            var exported = Command(.path(FilePath(TestBed.probe)), arguments: ["x"])
            exported.environment = .export(["PYTHONSTARTUP": "/tmp/x", "A": "B"])
            var written = Command(.path(FilePath(TestBed.probe)), arguments: ["x"])
            written.standardOutput = .file("/bed/home/alice/.profile")
            var renamed = Command(.path(FilePath(TestBed.probe)), arguments: ["x"])
            renamed.argumentZero = "sh"
            var terminal = Command(.path(FilePath(TestBed.probe)), arguments: ["x"])
            terminal.terminal = .pseudoterminal(rows: 24, columns: 80)
            var open = Command(.path(FilePath(TestBed.probe)), arguments: ["x"])
            open.fileModeCreationMask = [.otherWrite]
            let longer = Command(.path(FilePath(TestBed.probe + " x")), arguments: ["x"])
            for command in [exported, written, renamed, terminal, open, longer] {
                let error = try await launchError(command, as: TestBed.alice.identity, launcher)
                #expect(error.code == .invalidCommand)
            }
        }
        rule.remove()
    }

    @Test("is also a terminal, and input while a password was asked for")
    func streams() async throws {
        let rule = try SudoRule("Defaults:renderd targetpw", "renderd ALL=(alice) PASSWD: \(TestBed.launcher)")
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            var command = Command(.path("/bin/cat"))
            command.standardInput = .bytes(Array("the input of the job".utf8))
            let launcher = SudoLauncher.ofTheBed(
                authentication: .password {
                    var bytes = Array("alice-secret".utf8)
                    return try? Secret(consumingBytes: &bytes)
                }
            )
            let result = try await run(command, as: TestBed.alice.identity, launcher)
            #expect(result.text == "the input of the job")
        }
        rule.remove()
    }

    @Test(
        "is the name that the command gives it, whatever way there is to the launcher",
        arguments: ["account", "login", "substitute"]
    )
    func argumentZero(_ name: String) async throws {
        let rule = try SudoRule(
            "renderd ALL=(root) NOPASSWD: /usr/bin/su - alice -c exec \(TestBed.launcher) session",
            "renderd ALL=(alice) NOPASSWD: /bin/bash"
        )
        await #expect(processExitsWith: .success) { [name = name as String] in
            becomeUnprivilegedDaemon()
            let profiles = ["account": SudoProfile.account, "login": .login, "substitute": .substitute()]
            for zero in ["-sh", "", "a b$(id)\n", "--"] {
                let profile = try #require(profiles[name])
                let report = try await Self.probe(["--", "x"], .ofTheBed(profile: profile)) { $0.argumentZero = zero }
                #expect(report.arguments == [zero, "--", "x"])
            }
        }
        rule.remove()
    }
}
