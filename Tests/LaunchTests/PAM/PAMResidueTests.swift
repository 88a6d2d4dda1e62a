import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan
@testable import LaunchProtocol

@Suite("A password that was proven", .testBed)
struct PAMResidueTests {
    @Test("is nowhere any more while the job runs, in no process of the helper and in none of the job")
    func residue() async throws {
        let service = try PAMService([
            "auth required pam_unix.so", "account required pam_unix.so", "session required pam_permit.so",
        ])
        let helper = try RunningHelper(policy: service.policy)
        let launcher = PAMLauncher(
            helper,
            service,
            .password(from: try await store("alice-secret", for: TestBed.alice))
        )
        let process = try await launcher.launch(
            patient(Command(.path("/bin/sleep"), arguments: ["100000"])),
            as: TestBed.alice.identity
        )
        let processes = [helper.process] + helper.monitors + [process.processID.rawValue]
        #expect(processes.count > 2)
        for process in processes { #expect(try ProcessMemory.places(of: "alice-secret", in: process) == []) }
        // What is there is found.
        let job = try await launcher.launch(
            patient(Command(.path("/bin/sh"), arguments: ["-c", "sleep 100000; : alice-secret"])),
            as: TestBed.alice.identity
        )
        #expect(try ProcessMemory.places(of: "alice-secret", in: job.processID.rawValue).contains("cmdline"))
        #expect(!helper.log.contains("alice-secret"))
        for running in [process, job] { _ = try await running.terminate(gracePeriod: .zero) }
    }

    @Test("lies nowhere any more either where whoever was to prove it has not even read it")
    func unread() async throws {
        let path = freshPath("socket")
        let listener = try FalseHelper(at: path)
        let launcher = PAMLauncher(
            through: SystemHelperLauncher(socket: path),
            authentication: .password(from: try await store("alice-secret", for: TestBed.alice))
        )
        let person = try await TestBed.alice.identity
        let launch = Task { try await launchError(Command(.path("/bin/true")), as: person, launcher) }
        let connection = try await listener.accept()
        _ = try await FalseHelper.next(on: connection)
        try FalseHelper.welcome(connection)
        let order = try await FalseHelper.next(on: connection)
        let pipe = try #require(order.descriptors.last)
        connection.descriptor.closeNow()
        #expect(try await launch.value.code == .helperLost)
        var bytes = [UInt8](repeating: 0, count: 64)
        #expect(unsafe read(pipe.rawValue, &bytes, bytes.count) == 0)
    }
}
