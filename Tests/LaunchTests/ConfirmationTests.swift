import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The confirmation of a launch", .testBed)
struct ConfirmationTests {
    @Test("tells a program that ends with 125, 126 or 127 from one that did not start", arguments: everyIsolation)
    func exitCodes(_ isolation: SetUIDLauncher.Isolation) async throws {
        let launcher = SetUIDLauncher(isolation: isolation)
        for code: Int32 in [0, 1, 125, 126, 127, 255] {
            let result = try await runScript("exit \(code)", as: TestBed.alice.identity, launcher)
            #expect(result.exit.status == .exited(code))
        }
        let missing = try await launchError(Command(.path("/no/such/program")), as: TestBed.alice.identity, launcher)
        #expect(missing.code == .executableNotStarted)
        #expect(missing.step == .execute)
        #expect(missing.errno == .noSuchFileOrDirectory)
    }

    @Test("tells what kept a program from running", arguments: everyIsolation)
    func reasons(_ isolation: SetUIDLauncher.Isolation) async throws {
        let launcher = SetUIDLauncher(isolation: isolation)
        let person = try await TestBed.alice.identity
        let noProgram = try await launchError(Command(.path("/etc/passwd")), as: person, launcher)
        #expect(noProgram.errno == .permissionDenied)
        let hidden = try await launchError(Command(.path("/bed/private/secret")), as: person, launcher)
        #expect(hidden.errno == .permissionDenied)
        let unknown = try await launchError(Command(.name("no-such-program")), as: person, launcher)
        #expect(unknown.errno == .noSuchFileOrDirectory)
        let long = Command(.path("/bin/true"), arguments: [String(repeating: "x", count: 200_000)])
        #expect(try await launchError(long, as: person, launcher).errno == .argListTooLong)
    }

    @Test("finds a program by its name in the job's search path, as the account", arguments: everyIsolation)
    func searchPath(_ isolation: SetUIDLauncher.Isolation) async throws {
        let result = try await run(
            Command(.name("id"), arguments: ["-un"]),
            as: TestBed.alice.identity,
            SetUIDLauncher(isolation: isolation)
        )
        #expect(result.text == "alice\n")
    }

    @Test("never comes for a command that names no program or cannot be one")
    func invalidCommands() async throws {
        let person = try await TestBed.alice.identity
        var commands = [
            Command(.path("")), Command(.name("")), Command(.name("a/b")), Command(.name("..")),
            Command(.path("/bin/true"), arguments: ["zero\0byte"]),
        ]
        for change: (inout Command) -> Void in [
            { $0.niceness = 20 }, { $0.niceness = -21 }, { $0.startDeadline = .zero },
            { $0.standardOutput = .standardOutput }, { $0.standardError = .captured(limit: -1) },
            { $0.environment = .export(["": "x"]) }, { $0.environment = .export(["A=B": "x"]) },
        ] {
            var command = Command(.path("/bin/true"))
            change(&command)
            commands.append(command)
        }
        for command in commands {
            let error = try await launchError(command, as: person)
            #expect(error.code == .invalidCommand, "\(command)")
            #expect(error.step == .prepare)
            #expect(error.account == person.account.name)
        }
    }

    @Test("does not come in time from a program that is held back, which is ended then", arguments: everyIsolation)
    func heldBack(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        let program = freshPath("leased").string
        await #expect(processExitsWith: .success) { [isolation = isolation as String, program = program as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let lease = try Lease(onCopyOf: "/bin/true", at: FilePath(program), owner: TestBed.alice.userID)
            let person = try await warmedUp(isolation)
            let descriptors = try await openDescriptorCount()
            var command = Command(.path(FilePath(program)))
            command.workingDirectory = .path("/")
            command.startDeadline = .milliseconds(300)
            // Whoever waited for the lease (45 seconds, /proc/sys/fs/lease-break-time) would see the program run.
            let error = try await launchError(command, as: person, SetUIDLauncher(isolation: isolation))
            #expect(error.code == .deadlineExceeded)
            #expect(error.step == .confirm)
            #expect(!hasChildren())
            #expect(try await openDescriptorCount() == descriptors)
            try lease.file.close()
        }
    }

    @Test("is not waited for by a task that is cancelled; the program does not run", arguments: everyIsolation)
    func cancellation(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        let program = freshPath("leased").string
        await #expect(processExitsWith: .success) { [isolation = isolation as String, program = program as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let lease = try Lease(onCopyOf: "/bin/true", at: FilePath(program), owner: TestBed.alice.userID)
            let person = try await warmedUp(isolation)
            var command = Command(.path(FilePath(program)))
            command.workingDirectory = .path("/")
            let launch = Task { [command] in
                try await launchError(command, as: person, SetUIDLauncher(isolation: isolation))
            }
            while !hasChildren() { await Task.yield() }
            launch.cancel()
            #expect(try await launch.value.code == .cancelled)
            #expect(!hasChildren())
            try lease.file.close()
        }
    }

    @Test("is refused by a launcher that does not fit the identity")
    func unsuitable() async throws {
        let person = try await TestBed.alice.identity
        let error = try await launchError(Command(.path("/bin/true")), as: person, CurrentUserLauncher())
        #expect(error.code == .unsuitableBackend)
        #expect(error.message.contains("only jobs that keep the worker's account (service_mode = desktop)"))
        let own = ExecutionIdentity(
            admitted: person.account,
            login: person.login,
            mode: .desktop,
            method: .keepCurrentAccount
        )
        #expect(try await launchError(Command(.path("/bin/true")), as: own).code == .unsuitableBackend)
    }
}
