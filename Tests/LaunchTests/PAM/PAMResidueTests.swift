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

    /// Held by no literal, so that what is found of it in memory was put there.
    private static func unmasked(_ masked: [Int]) -> [UInt8] { masked.map { UInt8($0) ^ 0x55 } }

    @Test("is nowhere in the daemon either, once nothing is registered any more")
    func daemon() async throws {
        let service = try PAMService([
            "auth required pam_unix.so", "account required pam_unix.so", "session required pam_permit.so",
        ])
        let helper = try RunningHelper(policy: ["peers = \(RunningHelper.daemon)", "pam-services = \(service.name)"])
        let (ready, done) = (freshPath("ready").string, freshPath("done").string)
        let secret = Array("alice-secret".utf8).map { Int($0 ^ 0x55) }
        let canary = Array("what is there is found".utf8).map { Int($0 ^ 0x55) }
        let ending = Task {
            await #expect(processExitsWith: .success) {
                [
                    socket = helper.socket.string as String, name = service.name as String, ready = ready as String,
                    done = done as String, secret = secret as [Int], canary = canary as [Int]
                ] in
                becomeUnprivilegedDaemon()
                let alice = try await TestBed.alice.identity
                let passwords = InMemoryCredentialStore()
                var bytes = Self.unmasked(secret)
                _ = try await passwords.register(try Secret(consumingBytes: &bytes), for: alice.account.name)
                let launcher = PAMLauncher(
                    through: SystemHelperLauncher(socket: FilePath(socket)),
                    service: name,
                    authentication: .password(from: passwords)
                )
                let held = Self.unmasked(canary)
                let process = try await launcher.launch(
                    patient(Command(.path("/bin/sleep"), arguments: ["100000"])),
                    as: alice
                )
                #expect(try await passwords.status(of: alice.account.name)?.lastAccepted != nil)
                #expect(try await passwords.remove(alice.account.name))
                try writeFile("\(getpid())\n", to: FilePath(ready + ".new"))
                try #require(unsafe rename(ready + ".new", ready) == 0)
                while !exists(FilePath(done)) { try await Task.sleep(for: .milliseconds(5)) }
                _ = try await process.terminate(gracePeriod: .zero)
                withExtendedLifetime(held) {}
            }
        }
        try await wait { exists(FilePath(ready)) }
        let process = try #require(pid_t(ProcFile.read(FilePath(ready)).prefix { $0 != "\n" }))
        // The program of the tests has it among its texts.
        let places = try ProcessMemory.places(of: "alice-secret", in: process).filter { !$0.hasSuffix(".xctest") }
        #expect(places == [])
        #expect(try !ProcessMemory.places(of: "what is there is found", in: process).isEmpty)
        try writeFile("", to: FilePath(done))
        _ = await ending.value
    }
}
