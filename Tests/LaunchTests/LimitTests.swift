import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The resource limits of a job", .testBed)
struct LimitTests {
    @Test("are the standard ones when the daemon has limited itself", arguments: everyIsolation)
    func hostileDaemon(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            limitSoftly(RLIMIT_FSIZE, to: 0)
            limitSoftly(RLIMIT_STACK, to: 256 << 10)
            limitSoftly(RLIMIT_CORE, to: .max)
            limitSoftly(RLIMIT_CPU, to: 3_600)
            // Room for what the process that runs the tests has handed down.
            limitSoftly(RLIMIT_NOFILE, to: 900)
            let report = try await runProbe(as: TestBed.alice.identity, isolation)
            #expect(report.limits["fileSize"]?.soft == nil)
            #expect(report.limits["stack"]?.soft == 8 << 20)
            #expect(report.limits["core"]?.soft == 0)
            #expect(report.limits["cpu"]?.soft == nil)
            #expect(report.limits["openFiles"]?.soft == 1_024)
            #expect(report.limits["addressSpace"]?.soft == nil)
        }
    }

    @Test("are the ones the command sets", arguments: everyIsolation)
    func explicitLimits(_ isolation: SetUIDLauncher.Isolation) async throws {
        let report = try await runProbe(as: TestBed.alice.identity, isolation) { command in
            command.resourceLimits[.openFiles] = ResourceLimits.Limit(soft: 64, hard: 128)
            command.resourceLimits[.processorTime] = ResourceLimits.Limit(soft: 100, hard: 200)
        }
        #expect(report.limits["openFiles"] == ProbeReport.Limit(soft: 64, hard: 128))
        #expect(report.limits["cpu"] == ProbeReport.Limit(soft: 100, hard: 200))
    }

    @Test("of processes is met at the exec, not mistaken for a job's end", arguments: everyIsolation)
    func processLimit(_ isolation: SetUIDLauncher.Isolation) async throws {
        // RLIMIT_NPROC counts the processes of the user; setresuid(2) passes over it, execve(2) does not.
        // The kernel counts when the id changes, before the process itself is one of the user's.
        let person = try identity(userID: isolation == .direct ? 54_321 : 54_322, groupID: 54_321)
        let sleeper = Command(.path("/bin/sleep"), arguments: ["3600"])
        let processes = [
            try await SetUIDLauncher().launch(patient(sleeper), as: person),
            try await SetUIDLauncher().launch(patient(sleeper), as: person),
        ]

        var second = Command(.path("/bin/true"))
        second.resourceLimits[.processes] = ResourceLimits.Limit(soft: 1, hard: 1)
        let error = try await launchError(second, as: person, SetUIDLauncher(isolation: isolation))
        #expect(error.step == .execute)
        #expect(error.errno == .resourceTemporarilyUnavailable)
        #expect(error.message.contains("RLIMIT_NPROC"))

        for process in processes {
            try process.send(.kill)
            _ = try await process.exitReport()
        }
    }
}

private func limitSoftly(_ resource: __rlimit_resource, to soft: UInt) {
    var limit = rlimit()
    #expect(unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0)
    limit.rlim_cur = min(soft, limit.rlim_max)
    #expect(unsafe setrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0)
}
