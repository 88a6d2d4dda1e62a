import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The environment of a job", .testBed)
struct EnvironmentTests {
    private static let ofAlice = [
        "HOME": "/bed/home/alice", "USER": "alice", "LOGNAME": "alice", "SHELL": "/bin/bash",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    ]

    @Test("is the account's five variables and nothing else", arguments: everyIsolation)
    func clean(_ isolation: SetUIDLauncher.Isolation) async throws {
        let report = try await runProbe(as: TestBed.alice.identity, isolation)
        #expect(report.variables == Self.ofAlice)
        #expect(report.environment.count == Self.ofAlice.count)
    }

    @Test(
        "has nothing of the daemon's, above all nothing that loads code",
        arguments: [
            "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "ENV", "IFS", "TZ", "PERL5LIB", "PYTHONPATH",
            "BASH_FUNC_x%%", "GCONV_PATH", "GLIBC_TUNABLES", "KRB5CCNAME", "SSH_AUTH_SOCK", "SUDO_USER",
        ]
    )
    func dangerousVariables(_ name: String) async throws {
        await #expect(processExitsWith: .success) { [name = name as String] in
            #expect(unsafe setenv(name, "/tmp/evil", 1) == 0)
            #expect(unsafe setenv("SHELLSHOCK", "() { :; }; echo hit", 1) == 0)
            let clean = try await runProbe(as: TestBed.alice.identity)
            #expect(clean.variables[name] == nil)
            #expect(clean.variables["SHELLSHOCK"] == nil)

            let exported = [name: "/tmp/evil", "SHELLSHOCK": "() { :; }; echo hit", "SHOT": "12"]
            var command = Command(.path(FilePath(TestBed.probe)))
            command.environment = .export(exported)
            let result = try await run(command, as: TestBed.alice.identity)
            let report = try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
            #expect(report.variables[name] == nil)
            #expect(report.variables["SHELLSHOCK"] == nil)
            #expect(report.variables["SHOT"] == "12")
            #expect(result.process.report.omittedVariables == ["SHELLSHOCK", name].sorted())
        }
    }

    @Test("of a submitter never replaces who the account is")
    func exportedIdentity() async throws {
        let exported = [
            "HOME": "/root", "USER": "root", "PATH": "/tmp", "SHELL": "/tmp/sh", "LOGNAME": "root", "FRAME": "1",
        ]
        let report = try await runProbe(as: TestBed.alice.identity) { $0.environment = .export(exported) }
        #expect(report.variables == Self.ofAlice.merging(["FRAME": "1"]) { old, _ in old })
    }

    @Test("is the login shell's, profile and all, when that is asked for")
    func login() async throws {
        let profile = FilePath("/bed/home/alice/.bash_profile")
        try write("export FROM_PROFILE='yes it is'\n", to: profile, owner: 2001)
        defer { _ = unsafe profile.withPlatformString { unsafe unlink($0) } }
        let arguments = ["--", "a b", "$HOME;id", "*", ""]
        let report = try await runProbe(arguments, as: TestBed.alice.identity) { $0.environment = .login }
        #expect(report.variables["FROM_PROFILE"] == "yes it is")
        #expect(report.variables["HOME"] == "/bed/home/alice")
        #expect(report.arguments == [TestBed.probe] + arguments)
        #expect(report.userID == .all(2001))
    }

    @Test("has no variable that cannot be one, which is named")
    func impossibleVariables() async throws {
        for (name, value, words) in [
            ("A=B", "1", #""A=B" has an equals sign"#),
            ("NUL", "a\0b", #""NUL" has an equals sign in its name, or a zero byte"#),
            ("BAD\u{1B}\0", "", #""BAD\u001b\u0000" has"#), ("", "1", "an exported variable has no name; leave it out"),
        ] {
            var command = Command(.path("/bin/true"))
            command.environment = .export([name: value])
            let error = try await launchError(command, as: TestBed.alice.identity)
            #expect(error.code == .invalidCommand)
            #expect(error.message.contains(words), "\(error.message)")
        }
    }

    @Test("cannot be the login shell's when the account has none")
    func loginWithoutAShell() async throws {
        let person = try identity(userID: 2_007, groupID: 2_007, shell: "/usr/sbin/nologin")
        var command = Command(.path("/bin/true"))
        command.environment = .login
        let error = try await launchError(command, as: person)
        #expect(error.code == .invalidCommand)
        #expect(error.message.contains("/usr/sbin/nologin"))
    }

    @Test("takes arguments byte for byte", arguments: everyIsolation)
    func arguments(_ isolation: SetUIDLauncher.Isolation) async throws {
        let arguments = ["--", "a b", "$HOME;id", "`id`", "*", "", "--", "-x", "ü\u{1F600}", "new\nline", "\u{1B}[31m"]
        let report = try await runProbe(arguments, as: TestBed.alice.identity, isolation)
        #expect(report.arguments == [TestBed.probe] + arguments)
    }

    private func write(_ text: String, to path: FilePath, owner: UInt32) throws {
        let file = try FileDescriptor.open(
            path,
            .writeOnly,
            options: [.create, .truncate],
            permissions: .ownerReadWrite
        )
        defer { try? file.close() }
        try file.writeAll(text.utf8)
        #expect(fchown(file.rawValue, owner, owner) == 0)
    }
}
