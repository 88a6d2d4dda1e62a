import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The working directory of a job", .testBed)
struct WorkingDirectoryTests {
    @Test("is the home of the account", arguments: [TestBed.alice, TestBed.domainUser], everyIsolation)
    func home(_ person: TestBed.Person, _ isolation: SetUIDLauncher.Isolation) async throws {
        let report = try await runProbe(as: person.identity, isolation)
        #expect(report.workingDirectory == person.home)
    }

    @Test("is / where the account cannot enter its home, and the report says so", arguments: everyIsolation)
    func homeThatCannotBeEntered(_ isolation: SetUIDLauncher.Isolation) async throws {
        for name in ["nohome", "closedhome"] {
            let name = try AccountName(name)
            let account = try #require(
                try await NSSAccountDirectory(deadline: ample).account(named: name, freshness: .current)
            )
            let identity = ExecutionIdentity(admitted: account, login: name, mode: .user, method: .switchAccount)
            let result = try await runScript("pwd", as: identity, SetUIDLauncher(isolation: isolation))
            #expect(result.text == "/\n")
            #expect(result.process.report.workingDirectory == "/")
        }
    }

    @Test("is never one that only the daemon can enter", arguments: everyIsolation)
    func privilegedDirectory(_ isolation: SetUIDLauncher.Isolation) async throws {
        var command = Command(.path("/bin/cat"), arguments: ["secret"])
        command.workingDirectory = .path(FilePath("\(TestBed.directory)/private"))
        let error = try await launchError(command, as: TestBed.alice.identity, SetUIDLauncher(isolation: isolation))
        #expect(error.step == .workingDirectory)
        #expect(error.errno == .permissionDenied)
        #expect(error.account?.spelling == "alice")
        #expect(error.message.contains("\(TestBed.directory)/private"))
    }

    @Test("is not the daemon's: a job cannot read the daemon's files by a relative path", arguments: everyIsolation)
    func daemonsDirectory(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            #expect(unsafe chdir("\(TestBed.directory)/private") == 0)
            let report = try await runProbe(["--read-file", "secret"], as: TestBed.alice.identity, isolation)
            #expect(report.workingDirectory == TestBed.alice.home)
            #expect(report.successfulAttempts == [])
        }
    }

    @Test("has to be named in full")
    func relativeDirectory() async throws {
        var command = Command(.path("/bin/true"))
        command.workingDirectory = .path("tmp")
        let error = try await launchError(command, as: TestBed.alice.identity)
        #expect(error.code == .invalidCommand)
    }
}
