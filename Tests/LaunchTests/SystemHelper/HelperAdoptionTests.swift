import Faults
import FoundationEssentials
import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("A kept job of the helper", .testBed)
struct HelperAdoptionTests {
    private func keeping(
        _ privileges: RunningHelper.Privileges = .root,
        policy: [String] = []
    ) throws -> RunningHelper {
        let adoptions = FilePath(TestBed.directory).appending("adoption-\(UInt64.random(in: 0...UInt64.max))")
        try #require(unsafe mkdir(adoptions.string, 0o755) == 0)
        if privileges == .twoCapabilities {
            try #require(unsafe chown(adoptions.string, RunningHelper.account, RunningHelper.account) == 0)
        }
        return try RunningHelper(
            privileges,
            policy: ["peers = 0", "when-daemon-ends = keep-allowed"] + policy,
            arguments: ["--adoption-directory", adoptions.string]
        )
    }

    /// Has a daemon launch a job as alice that outlives it, and end.
    ///
    /// - Parameters:
    ///   - helper: What launches it.
    ///   - path: Its program.
    ///   - arguments: Its arguments.
    ///   - service: The service of PAM that it has a session of; none if empty.
    ///   - mayGainPrivileges: Whether an exec may make somebody else of it.
    /// - Returns: What it is taken over by.
    /// - Throws: When it cannot be launched.
    private func leaveJob(
        behind helper: RunningHelper,
        _ path: FilePath = "/bin/sleep",
        _ arguments: [String] = ["100000"],
        service: String = "",
        mayGainPrivileges: Bool = false
    ) async throws -> JobReference {
        let note = freshPath("reference").string
        await #expect(processExitsWith: .success) {
            [
                socket = helper.socket.string as String, note = note as String, path = path.string as String,
                arguments = arguments as [String], service = service as String,
                mayGainPrivileges = mayGainPrivileges as Bool
            ] in
            var command = patient(Command(.path(FilePath(path)), arguments: arguments))
            command.daemonEnd = .goOn
            command.noNewPrivileges = !mayGainPrivileges
            let helper = SystemHelperLauncher(
                socket: FilePath(socket),
                helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
            )
            let launcher: any ProcessLauncher =
                service.isEmpty ? helper : PAMLauncher(through: helper, service: service)
            let process = try await launcher.launch(command, as: TestBed.alice.identity)
            let reference = try #require(process.reference)
            try writeFile(String(decoding: try JSONEncoder().encode(reference), as: UTF8.self), to: FilePath(note))
        }
        return try JSONDecoder().decode(JobReference.self, from: Data(try ProcFile.read(FilePath(note)).utf8))
    }

    @Test("is taken over with groups that a module of PAM has added, or that the account has lost, also by /proc")
    func groups() async throws {
        let service = try PAMService(scripted: "cred:group=3005")
        let helper = try keeping(policy: ["pam-services = \(service.name)"])
        let reference = try await leaveJob(behind: helper, service: service.name)
        let text = String(decoding: try JSONEncoder().encode(reference), as: UTF8.self)
        await #expect(processExitsWith: .success) {
            [socket = helper.socket.string as String, name = service.name as String, text = text as String] in
            let reference = try JSONDecoder().decode(JobReference.self, from: Data(text.utf8))
            let alice = try await TestBed.alice.identity
            // `PIDFD_GET_INFO` of `linux/pidfd.h`: as if the kernel were older than 6.13.
            #expect(Fault(.verifyOutside, "ioctl", .argument(1, is: 0xC040_FF0B)).install(ENOTTY))
            let launcher = PAMLauncher(through: SystemHelperLauncher(socket: FilePath(socket)), service: name)
            let process = try await launcher.adopt(reference, as: alice)
            #expect(process.report.attestation == .procfs)
        }
        let groups = try ProcFile.read(FilePath("/proc/\(reference.processID)/status")).split(separator: "\n")
        #expect(groups.contains { $0.hasPrefix("Groups:") && $0.contains("3005") })
        let process = try await PAMLauncher(helper, service).adopt(reference, as: TestBed.alice.identity)
        #expect(
            try await process.terminate(gracePeriod: .seconds(60)).status == .signaled(.terminate, coreDumped: false)
        )
    }

    @Test("is taken over when it has become somebody else by right")
    func changedIDs() async throws {
        let policy = ["new-privileges = allowed"]
        let helper = try keeping(policy: policy)
        let program = freshPath("becoming-bob")
        let bytes = FileManager.default.contents(atPath: "/bin/sleep")
        try #require(FileManager.default.createFile(atPath: program.string, contents: bytes))
        try #require(unsafe chown(program.string, TestBed.bob.userID, TestBed.bob.groupID) == 0)
        try #require(unsafe chmod(program.string, 0o4755) == 0)
        let reference = try await leaveJob(behind: helper, program, mayGainPrivileges: true)
        let status = try ProcFile.read(FilePath("/proc/\(reference.processID)/status")).split(separator: "\n")
        let ids = status.first { $0.hasPrefix("Uid:") }?.split { $0 == " " || $0 == "\t" }.dropFirst().map(String.init)
        try #require(ids?.prefix(2) == ["\(TestBed.alice.userID)", "\(TestBed.bob.userID)"])
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(process.report.attestation == .none(.jobMayGainPrivileges))
        #expect(
            try await process.terminate(gracePeriod: .seconds(60)).status == .signaled(.terminate, coreDumped: false)
        )
    }

    @Test("is not taken over as another account, which ends nothing and says so", arguments: [false, true])
    func anotherAccount(_ mayGainPrivileges: Bool) async throws {
        let helper = try keeping(policy: ["new-privileges = allowed"])
        let reference = try await leaveJob(behind: helper, mayGainPrivileges: mayGainPrivileges)
        let error = await #expect(throws: LaunchError.self) {
            try await helper.launcher.adopt(reference, as: TestBed.bob.identity)
        }
        #expect(error?.code == .verificationFailed)
        #expect(
            error?.message.contains("process \(reference.processID) is not the job that is meant") == true,
            "\(error)"
        )
        #expect(error?.message.contains("launched as user id \(TestBed.alice.userID)") == true, "\(error)")
        #expect(error?.message.contains("it was left alone") == true, "\(error)")
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(
            try await process.terminate(gracePeriod: .seconds(60)).status == .signaled(.terminate, coreDumped: false)
        )
    }

    @Test(
        "goes on when the helper is killed, and is taken over all the same",
        arguments: RunningHelper.Privileges.allCases
    )
    func helperIsKilled(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try keeping(privileges)
        let reference = try await leaveJob(behind: helper)
        let monitor = try ProcessStat(of: reference.processID).parent
        helper.stop(SIGKILL)
        let launcher = SystemHelperLauncher(
            socket: helper.socket,
            helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
        )
        let process = try await launcher.adopt(reference, as: TestBed.alice.identity)
        try process.send(.stop)
        try await wait { KeptSessionProcesses.state(of: reference.processID) == "T" }
        try process.send(.resume)
        #expect(try ProcessStat(of: reference.processID).parent == monitor)
        #expect(
            try await process.terminate(gracePeriod: .seconds(60)).status == .signaled(.terminate, coreDumped: false)
        )
    }

    @Test("that has lost its process of the helper goes on, and the daemon may not signal it")
    func monitorIsKilled() async throws {
        let helper = try keeping()
        var command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
        command.daemonEnd = .goOn
        let process = try await helper.launcher.launch(command, as: TestBed.alice.identity)
        let number = process.processID.rawValue
        #expect(kill(try ProcessStat(of: number).parent, SIGKILL) == 0)
        let words = "its job was to outlive its daemon, and goes on with nobody to look after it"
        try await wait { helper.log.contains(words) }
        for target in [SignalTarget.process, .group, .tree] {
            #expect(throws: Errno.notPermitted) { try process.send(.resume, to: target) }
        }
        #expect(ProcessStart.time(of: number) != nil)
        #expect(kill(number, SIGKILL) == 0)
        try await wait { ProcessStart.time(of: number) == nil }
        #expect(throws: Errno.noSuchProcess) { try process.send(.resume) }
    }
}
