import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// Whether this machine shares the processor among sessions, as `sched(7)` tells it.
private var sessionsShare: Bool {
    (try? ProcFile.read("/proc/sys/kernel/sched_autogroup_enabled"))?.first == "1"
}

/// The weight that the session of a process has, as a niceness.
private func sessionNiceness(of process: pid_t) throws -> Int? {
    let words = try ProcFile.read(FilePath("/proc/\(process)/autogroup")).split(whereSeparator: \.isWhitespace)
    return words.last.flatMap { Int($0) }
}

@Suite("Precedence over jobs", .testBed)
struct PrecedenceTests {
    /// What a session leader is told where it asks for it.
    private static var expected: DaemonPrecedence {
        guard sessionsShare else { return .notOffered }
        return TestBed.hasMachineRoot ? .taken : .refused(.notPermitted)
    }

    @Test("is given to the session of a daemon, and not to its jobs", arguments: everyIsolation)
    func isTheDaemons(_ isolation: SetUIDLauncher.Isolation) async throws {
        await #expect(processExitsWith: .success) { [isolation = isolation.rawValue as String] in
            // As a service manager starts a daemon: the leader of a session.
            if getsid(0) != getpid() { try #require(setsid() == getpid()) }
            let outcome = DaemonPrecedence.take()
            #expect(outcome == Self.expected)
            guard outcome == .taken else { return }
            #expect(try sessionNiceness(of: getpid()) == -10)
            let launcher = SetUIDLauncher(isolation: try #require(SetUIDLauncher.Isolation(rawValue: isolation)))
            let job = try await runScript("cat /proc/self/autogroup", as: TestBed.alice.identity, launcher)
            #expect(job.text.hasSuffix(" nice 0\n"), "the job has \(job.text)")
        }
    }

    @Test("is not taken for a session that others may be in")
    func sharedSession() async {
        await #expect(processExitsWith: .success) {
            try #require(getsid(0) != getpid(), "the process of an exit test leads no session")
            let before = try? sessionNiceness(of: getpid())
            #expect(DaemonPrecedence.take() == (sessionsShare ? .sharesSession : .notOffered))
            #expect((try? sessionNiceness(of: getpid())) == before)
        }
    }

    /// What a helper may do, and what comes of that.
    private static let helpers: [(privileges: RunningHelper.Privileges, isPermitted: Bool)] = [
        (.root, true), (.twoAndNice, true), (.packaged, false), (.twoCapabilities, false),
    ]

    @Test("is taken by a system helper that was started as a service, and not by its jobs", arguments: Self.helpers)
    func isTheHelpers(_ privileges: RunningHelper.Privileges, _ isPermitted: Bool) async throws {
        let helper = try RunningHelper(privileges, policy: ["peers = 0"], leadingSession: true)
        try #require(getsid(helper.process) == helper.process)
        guard sessionsShare else {
            #expect(
                helper.log.contains("over jobs: none, since kernel.sched_autogroup_enabled is off"),
                "\(helper.log)"
            )
            return
        }
        let isTaken = isPermitted && TestBed.hasMachineRoot
        #expect(try sessionNiceness(of: helper.process) == (isTaken ? -10 : 0))
        #expect(helper.log.contains(isTaken ? "over jobs: taken" : "has a session of its own"), "\(helper.log)")
        let job = try await runScript("cat /proc/self/autogroup", as: TestBed.alice.identity, helper.anyLauncher)
        #expect(job.text.hasSuffix(" nice 0\n"), "the job has \(job.text)")
    }

    // One of them in a tenth of a second: whoever waits for his turn with his eyes closed never has it.
    @Test("is taken also where another account changes the weight of its session all the time")
    func contention() async throws {
        let (note, script) = (
            freshPath("note"),
            "exec 3>/proc/self/autogroup || exit; while :; do echo 1 >&3; echo x > $0; done 2>/dev/null"
        )
        let other = try await SetUIDLauncher()
            .launch(
                patient(Command(.path("/bin/sh"), arguments: ["-c", script, note.string])),
                as: TestBed.alice.identity
            )
        if sessionsShare { try await wait { exists(note) } }
        let helper = try RunningHelper(.twoAndNice, policy: ["peers = 0"], leadingSession: true)
        if sessionsShare, TestBed.hasMachineRoot {
            #expect(try sessionNiceness(of: helper.process) == -10)
            #expect(helper.log.contains("over jobs: taken"), "\(helper.log)")
            #expect(try sessionNiceness(of: other.processID.rawValue) == 1)
        }
        try await other.terminate(gracePeriod: Duration.zero)
    }

    /// What a helper is started with, and whether its processes have sessions of their own.
    private static let separations:
        [(privileges: RunningHelper.Privileges, leads: Bool, policy: [String], separates: Bool)] = [
            (.root, true, [], !TestBed.hasMachineRoot),
            (.root, false, [], true),
            (.twoCapabilities, true, [], true),
            (.twoCapabilities, false, [], true),
            (.root, false, ["pam-services = impersonation"], false),
        ]

    @Test(
        "is made up for: without it each process of a helper that has a job has a session",
        arguments: Self.separations
    )
    func separation(
        _ privileges: RunningHelper.Privileges,
        _ leads: Bool,
        _ policy: [String],
        _ separates: Bool
    ) async throws {
        let helper = try RunningHelper(privileges, policy: ["peers = 0"] + policy, leadingSession: leads)
        let process = try await helper.anyLauncher.launch(
            Command(.path("/bin/sleep"), arguments: ["60"]),
            as: TestBed.alice.identity
        )
        let job = process.processID.rawValue
        let monitor = try #require(helper.monitors.first { RunningHelper.children(of: $0).contains(job) })
        #expect(getsid(monitor) == (separates && sessionsShare ? monitor : getsid(helper.process)))
        #expect(getsid(job) == job)
        try await process.terminate(gracePeriod: Duration.zero)
    }
}
