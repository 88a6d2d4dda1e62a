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
        "is sudo-rs in what it tells by its version, where that can be read, and takes no password",
        arguments: [
            ("0.2.5", false), ("0.2.12", false), ("0.2.13", true), ("0.3.0", true), ("1.0.0", true), ("0.2", false),
            ("", false),
            ("0.2.13-beta", false),
        ]
    )
    func rust(_ version: String, _ tellsSignals: Bool) {
        let flavour = SudoProgram.Flavour.rust(version)
        #expect(!flavour.takesPassword)
        #expect(flavour.isTested == !["", "0.2", "0.2.13-beta"].contains(version))
        #expect(flavour.tellsEverySignal == tellsSignals)
        #expect((flavour.endProblem(whereToldByKernel: false) == nil) == tellsSignals)
        #expect(flavour.endProblem(whereToldByKernel: true) == nil)
        #expect(SudoProgram.Flavour.original(version).endProblem(whereToldByKernel: false) == nil)
        let unknown = SudoProgram.Flavour.unknown(version)
        #expect(unknown.endProblem(whereToldByKernel: false)?.contains("does not say what it is") == true)
        #expect(unknown.endProblem(whereToldByKernel: true) == nil)
        #expect(!unknown.takesPassword)
    }

    @Test("gets no password where it is a sudo-rs, which does not say what is asked for")
    func rustWithPassword() async throws {
        let sudo = try StandIn.install("echo sudo-rs 0.2.13")
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
            #expect(error.message.contains("sudo-rs 0.2.13 is given no password: it does not say what a module of PAM"))
        }
    }
}
