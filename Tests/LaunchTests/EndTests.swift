import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The end of a job", .testBed)
struct EndTests {
    @Test("is told although a tracer of its account holds the status back, and costs the daemon no time")
    func tracer() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.isolated)
            let command = Command(.path(FilePath(TestBed.probe)), arguments: ["--leave-tracer"])
            let process = try await SetUIDLauncher().launch(patient(command), as: person)
            let before = processorTime()
            let error = await #expect(throws: LaunchError.self) { try await process.exitReport() }
            #expect(error?.code == .statusLost)
            #expect(error?.message.contains("traces it") == true)
            #expect(error?.account == person.account.name)
            #expect(error?.backend == .setuid)
            #expect(
                error?.description
                    .hasPrefix("statusLost: the end of the job as alice is not known, step wait: the job has ended")
                    == true
            )
            #expect(processorTime() - before < .seconds(1))
            // Its zombie is still there, and so is its number; the group is ended like any other.
            try process.send(.kill, to: .group)
            while hasChildren() { try await Task.sleep(for: .milliseconds(5)) }
        }
    }

    @Test("is not made up by the helper where a tracer holds the status back")
    func tracerBehindHelper() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let command = Command(.path(FilePath(TestBed.probe)), arguments: ["--leave-tracer"])
        let process = try await helper.launcher.launch(patient(command), as: TestBed.alice.identity)
        let error = await #expect(throws: LaunchError.self) { try await process.exitReport() }
        #expect(error?.code == .statusLost)
        #expect(error?.message.contains("traces it") == true)
    }

    @Test("is not lost when the kernel has no place for one more wait")
    func withoutWait() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.direct)
            #expect(Fault(.wait, "epoll_ctl").install(ENOSPC))
            var command = Command(.path("/bin/echo"), arguments: ["x"])
            command.standardOutput = .captured(limit: 10)
            let process = try await SetUIDLauncher(isolation: .direct).launch(patient(command), as: person)
            let report = try await process.exitReport()
            #expect(report.status == .exited(0))
            #expect(report.standardOutput?.text == "x\n")
        }
    }
}

@Suite("A daemon short of descriptors at its first launch", .testBed)
struct FirstLaunchTests {
    @Test("launches once it has some again", arguments: everyIsolation)
    func transientFailure(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let person = try await TestBed.alice.identity
            let launcher = SetUIDLauncher(isolation: isolation)
            var former = rlimit()
            unsafe getrlimit(__rlimit_resource_t(7), &former)
            var none = former
            none.rlim_cur = 0
            unsafe setrlimit(__rlimit_resource_t(7), &none)
            let error = try await launchError(Command(.path("/bin/true")), as: person, launcher)
            unsafe setrlimit(__rlimit_resource_t(7), &former)
            #expect(error.errno == .tooManyOpenFiles)
            #expect(error.message.contains("RLIMIT_NOFILE"))
            let result = try await run(Command(.path("/bin/true")), as: person, launcher)
            #expect(result.exit.status == .exited(0))
        }
    }
}

private func processorTime() -> Duration {
    var usage = rusage()
    unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
    return .seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + .microseconds(Int64(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec))
}
