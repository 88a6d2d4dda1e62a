import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The sudo of the machine", .testBed)
struct SudoProgramTests {
    @Test("takes no thread of the pool while it is asked for its version")
    func blocking() async throws {
        let fifo = freshPath("fifo").string
        try #require(unsafe mkfifo(fifo, 0o644) == 0 && chmod(fifo, 0o666) == 0)
        let sudo = try StandIn.install("head -c 1 \(fifo) >/dev/null; echo sudo-rs 0.0.0")
        try #require(unsafe chmod(sudo, 0o4755) == 0)
        await #expect(processExitsWith: .success) { [fifo = fifo as String, sudo = sudo as String] in
            becomeUnprivilegedDaemon()
            let person = try await TestBed.alice.identity
            let launcher = SudoLauncher(
                sudo: FilePath(sudo),
                launcher: TestBed.launcher,
                authentication: .password { nil }
            )
            let count = 2 * sysconf(Int32(_SC_NPROCESSORS_ONLN)) + 2
            let launches = (0..<count)
                .map { _ in
                    Task { try await launchError(Command(.path("/bin/true")), as: person, launcher) }
                }
            // It answers once a task of the pool lets it, and there is one that can.
            try await Task.detached {
                let writer = try FileDescriptor.open(FilePath(fifo), .readWrite)
                _ = try writer.writeAll([UInt8](repeating: 1, count: count))
                for launch in launches { #expect(try await launch.value.message.contains("sudo-rs")) }
                try writer.close()
            }
            .value
        }
    }

    @Test("gets no password unless it says that it is the original one", arguments: ["echo sudo-os 1.0", "exit 1"])
    func unknown(_ script: String) async throws {
        let sudo = try StandIn.install(script)
        try #require(unsafe chmod(sudo, 0o4755) == 0)
        await #expect(processExitsWith: .success) { [sudo = sudo as String] in
            becomeUnprivilegedDaemon()
            let launcher = SudoLauncher(
                sudo: FilePath(sudo),
                launcher: TestBed.launcher,
                authentication: .password {
                    Issue.record("the password is asked for")
                    return nil
                }
            )
            let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
            #expect(error.code == .invalidCommand)
            #expect(error.message.contains("the original sudo"))
        }
    }

    @Test(
        "knows regular expressions for arguments from 1.9.10 on",
        arguments: [
            ("1.9.10", true), ("1.9.13p3", true), ("1.10.0", true), ("2.0.0", true), ("1.9.9", false),
            ("1.8.31p2", false),
            ("", false), ("1.9", false),
        ]
    )
    func expressions(_ version: String, _ knows: Bool) {
        #expect(SudoProgram.Flavour.original(version).knowsExpressions == knows)
        #expect(!SudoProgram.Flavour.rust(version).knowsExpressions)
    }

    @Test(
        "is sudo-rs in what it takes and tells by its version, where that can be read",
        arguments: [
            ("0.2.4", false, false), ("0.2.5", true, false), ("0.2.12", true, false), ("0.2.13", true, true),
            ("0.3.0", true, true), ("1.0.0", true, true), ("0.2", false, false), ("", false, false),
            ("0.2.13-beta", false, false),
        ]
    )
    func rust(_ version: String, _ takesPrompt: Bool, _ tellsSignals: Bool) {
        let flavour = SudoProgram.Flavour.rust(version)
        #expect(flavour.takesPrompt == takesPrompt)
        #expect(flavour.tellsEverySignal == tellsSignals)
        #expect((flavour.endProblem(whereToldByKernel: false) == nil) == tellsSignals)
        #expect(flavour.endProblem(whereToldByKernel: true) == nil)
        for other in [SudoProgram.Flavour.original(version), .unknown(version)] {
            #expect(other.endProblem(whereToldByKernel: false) == nil)
        }
    }

    @Test("gets no password where it is a sudo-rs that cannot be told what to prompt with")
    func oldRust() async throws {
        let sudo = try StandIn.install("echo sudo-rs 0.2.4")
        try #require(unsafe chmod(sudo, 0o4755) == 0)
        await #expect(processExitsWith: .success) { [sudo = sudo as String] in
            becomeUnprivilegedDaemon()
            let launcher = SudoLauncher(
                sudo: FilePath(sudo),
                launcher: TestBed.launcher,
                authentication: .password {
                    Issue.record("the password is asked for")
                    return nil
                }
            )
            let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
            #expect(error.code == .invalidCommand)
            #expect(error.message.contains("sudo-rs 0.2.4 cannot be told what to ask with"))
        }
    }
}
