import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("A job of a desktop worker", .testBed)
struct DesktopTests {
    @Test("runs as the worker itself, with nothing of the worker but the account")
    func runsAsTheWorker() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await TestBed.carol.identity
            let groups: [gid_t] = TestBed.carol.groups
            #expect(unsafe setgroups(groups.count, groups) == 0)
            #expect(setgid(TestBed.carol.groupID) == 0)
            #expect(setuid(TestBed.carol.userID) == 0)
            signal(SIGPIPE, SIG_IGN)
            umask(0)

            let own = ExecutionIdentity(
                admitted: person.account,
                login: person.login,
                mode: .desktop,
                method: .keepCurrentAccount
            )
            let result = try await run(Command(.path(FilePath(TestBed.probe))), as: own, CurrentUserLauncher())
            let report = try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
            #expect(report.userID == .all(TestBed.carol.userID))
            #expect(report.groupID == .all(TestBed.carol.groupID))
            #expect(report.groups == TestBed.carol.groups)
            #expect(report.noNewPrivileges)
            #expect(report.signals.ignored == [])
            #expect(report.umask == 0o022)
            #expect(report.variables["HOME"] == TestBed.carol.home)
            #expect(report.workingDirectory == TestBed.carol.home)
            #expect(report.descriptors.map(\.number) == [0, 1, 2])
            #expect(result.process.report.backend == .current)

            // In user mode a job of its own needs no switch either.
            let switching = try await runProbe(as: person)
            #expect(switching.userID == .all(TestBed.carol.userID))
            #expect(switching.groups == TestBed.carol.groups)
            #expect(switching.capabilities.permitted == 0 && switching.capabilities.inheritable == 0)

            // The same worker has no right to become anybody else.
            let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity)
            #expect(error.step == .groups)
            #expect(error.message.contains("CAP_SETGID"))
        }
    }

    @Test("is never the superuser's")
    func neverTheSuperuser() async throws {
        let account = Account(
            name: try AccountName("root"),
            userID: UserID(0),
            groupID: GroupID(0),
            groups: [],
            homeDirectory: "/root",
            shell: "/bin/sh"
        )
        // No rule lets such an identity come into being; the launcher would not run it either.
        let forged = ExecutionIdentity(
            admitted: account,
            login: account.name,
            mode: .desktop,
            method: .keepCurrentAccount
        )
        let marker = freshPath("root-marker")
        let command = Command(.path("/usr/bin/touch"), arguments: [marker.string])
        let error = try await launchError(command, as: forged, CurrentUserLauncher())
        #expect(error.code == .verificationFailed)
        let switching = ExecutionIdentity(admitted: account, login: account.name, mode: .user, method: .switchAccount)
        for isolation in everyIsolation {
            let refused = try await launchError(command, as: switching, SetUIDLauncher(isolation: isolation))
            #expect(refused.step == .groupID)
        }
        #expect(!exists(marker))
    }
}
