import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// Only who may do it to the whole machine (`CAP_SYS_RESOURCE`) lowers a score, which a container may not: `Scripts/machine`.
@Suite("The out-of-memory score of a daemon that the kernel is to spare", .testBed, .ownKernel)
struct OutOfMemoryScoreTests {
    private static let file = FilePath("/proc/self/oom_score_adj")

    private static var command: Command {
        var command = patient(Command(.path("/bin/cat"), arguments: [file.string]))
        command.standardOutput = .captured(limit: 100)
        return command
    }

    @Test("is not that of its jobs", arguments: everyIsolation)
    func daemon(_ isolation: SetUIDLauncher.Isolation) async throws {
        await #expect(processExitsWith: .success) { [isDirect = (isolation == .direct) as Bool] in
            try writeFile("-500", to: Self.file)
            #expect(try ProcFile.read(Self.file) == "-500\n")
            let launcher = SetUIDLauncher(isolation: isDirect ? .direct : .isolated)
            let process = try await launcher.launch(Self.command, as: TestBed.alice.identity)
            #expect(try await process.exitReport().standardOutput?.text == "0\n")
        }
    }

    @Test("is not that of the jobs of the helper", arguments: RunningHelper.Privileges.allCases)
    func helper(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(
            privileges,
            policy: ["peers = 0"],
            startedBy: ["/bin/sh", "-c", "echo -500 > \(Self.file); exec \"$@\"", "sh"]
        )
        #expect(try ProcFile.read(FilePath("/proc/\(helper.process)/oom_score_adj")) == "-500\n")
        let users: Set<UserID> = [UserID(0), UserID(RunningHelper.account)]
        let launcher = SystemHelperLauncher(socket: helper.socket, helperUserIDs: users)
        let process = try await launcher.launch(Self.command, as: TestBed.alice.identity)
        #expect(try await process.exitReport().standardOutput?.text == "0\n")
    }
}
