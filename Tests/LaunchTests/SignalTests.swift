import Dispatch
import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("Signals and priority of a job", .testBed)
struct SignalTests {
    @Test("are the defaults, from a task of the concurrency pool", arguments: everyIsolation)
    func fromATask(_ isolation: SetUIDLauncher.Isolation) async throws {
        let report = try await Task.detached { try await runProbe(as: TestBed.alice.identity, isolation) }.value
        expectDefaults(report)
    }

    @Test("are the defaults, from a dispatch queue", arguments: everyIsolation)
    func fromAQueue(_ isolation: SetUIDLauncher.Isolation) async throws {
        let person = try await TestBed.alice.identity
        let report: ProbeReport = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "worker")
                .async {
                    Task { continuation.resume(with: await Result { try await runProbe(as: person, isolation) }) }
                }
        }
        expectDefaults(report)
    }

    @Test("are the defaults, from a daemon that ignores and blocks", arguments: everyIsolation)
    func fromAHostileDaemon(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            for number in [SIGPIPE, SIGHUP, SIGTERM, SIGUSR1, SIGQUIT, 40] { signal(number, SIG_IGN) }
            signal(SIGINT, doNothing)
            var all = sigset_t()
            unsafe sigfillset(&all)
            unsafe pthread_sigmask(SIG_SETMASK, &all, nil)
            umask(0)
            let report = try await runProbe(as: TestBed.alice.identity, isolation)
            expectDefaults(report)
            #expect(report.umask == 0o022)
        }
    }

    @Test("end a job that has the default disposition")
    func terminationWorks() async throws {
        var command = Command(.path("/bin/sleep"), arguments: ["60"])
        command.standardOutput = .null
        let process = try await SetUIDLauncher().launch(patient(command), as: TestBed.alice.identity)
        try process.send(.terminate)
        #expect(try await process.exitReport().status == .signaled(.terminate))
        #expect(throws: Errno.noSuchProcess) { try process.send(.terminate) }
    }

    @Test("ignored SIGCHLD in the daemon costs the usage, not the status")
    func ignoredChildSignal() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGCHLD, SIG_IGN)
            let result = try await runScript("exit 9", as: TestBed.alice.identity)
            #expect(result.exit.status == .exited(9))
            #expect(result.exit.usage == nil)
            let killed = try await runScript("kill -9 $$", as: TestBed.alice.identity)
            #expect(killed.exit.status == .signaled(.kill))
            let refused = try await launchError(
                Command(.path("/bin/true")),
                as: TestBed.alice.identity,
                SetUIDLauncher(isolation: .direct)
            )
            #expect(refused.code == .notPermitted)
            #expect(refused.message.contains("SIGCHLD"))
        }
    }

    @Test(
        "nice is what was asked for, whatever the daemon's",
        arguments: TestBed.hasMachineRoot ? [-5, 0, 7, 19] : [0, 7, 19],
        everyIsolation
    )
    func niceness(_ niceness: Int, _ isolation: SetUIDLauncher.Isolation) async throws {
        let report = try await runProbe(as: TestBed.alice.identity, isolation) { $0.niceness = niceness }
        #expect(report.nice == niceness)
        #expect(report.schedulerPolicy == SCHED_OTHER)
        #expect(report.ioPriority == 0)
    }
}

private func expectDefaults(_ report: ProbeReport) {
    #expect(report.signals.blocked == [])
    #expect(report.signals.ignored == [])
    #expect(report.signals.pending == [])
    #expect(report.signals.dispositions.allSatisfy { $0 == "default" })
    #expect(report.nice == 0)
}

private func doNothing(_ signal: Int32) {}

extension Result where Failure == any Error {
    /// Catches what an asynchronous closure throws.
    init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
