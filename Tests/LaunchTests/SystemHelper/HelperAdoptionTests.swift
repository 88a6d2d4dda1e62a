import Faults
import FoundationEssentials
import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchProtocol

@Suite("A kept job of the helper", .testBed)
struct HelperAdoptionTests {
    @Test("is taken over with groups that a module of PAM has added, or that the account has lost, also by /proc")
    func groups() async throws {
        let service = try PAMService(scripted: "cred:group=3005")
        let helper = try RunningHelper.keepingJobs(policy: ["pam-services = \(service.name)"])
        let reference = try await helper.leaveJob(service: service.name)
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
        let helper = try RunningHelper.keepingJobs(policy: policy)
        let program = freshPath("becoming-bob")
        let bytes = FileManager.default.contents(atPath: "/bin/sleep")
        try #require(FileManager.default.createFile(atPath: program.string, contents: bytes))
        try #require(unsafe chown(program.string, TestBed.bob.userID, TestBed.bob.groupID) == 0)
        try #require(unsafe chmod(program.string, 0o4755) == 0)
        let reference = try await helper.leaveJob(program, mayGainPrivileges: true)
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
        let helper = try RunningHelper.keepingJobs(policy: ["new-privileges = allowed"])
        let reference = try await helper.leaveJob(mayGainPrivileges: mayGainPrivileges)
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
        let helper = try RunningHelper.keepingJobs(privileges)
        let reference = try await helper.leaveJob()
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
        let helper = try RunningHelper.keepingJobs()
        var command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
        command.daemonEnd = .goOn
        let process = try await helper.launcher.launch(command, as: TestBed.alice.identity)
        let number = process.processID.rawValue
        #expect(kill(try ProcessStat(of: number).parent, SIGKILL) == 0)
        let words = "its job was to outlive its daemon, and goes on with nobody to look after it"
        try await wait { helper.log.contains(words) }
        let reference = try #require(process.reference)
        let socket = FilePath(try #require(reference.adoptionSocket))
        // A child that closes descriptors aside shares them, and has them for a moment longer.
        try await wait { (try? process.send(.resume)) == nil && (try? FrameSocket(connectingTo: socket)) == nil }
        for target in [SignalTarget.process, .group, .tree] {
            #expect(throws: Errno.notPermitted) { try process.send(.resume, to: target) }
        }
        // It is told as one that runs, and what could be done about it.
        let error = await #expect(throws: LaunchError.self) {
            try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        }
        #expect(error?.code == .helperUnavailable)
        #expect(error?.message.contains("it has not ended, as far as can be seen") == true, "\(error)")
        #expect(ProcessStart.time(of: number) != nil)
        #expect(kill(number, SIGKILL) == 0)
        try await wait { ProcessStart.time(of: number) == nil }
        #expect(throws: Errno.noSuchProcess) { try process.send(.resume) }
        let end = await #expect(throws: LaunchError.self) {
            try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        }
        #expect(end?.code == .statusLost)
    }
}
