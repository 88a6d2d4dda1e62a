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
            #expect(DaemonPrecedence.take() == .sharesSession)
            #expect((try? sessionNiceness(of: getpid())) == before)
        }
    }

    @Test("is taken by a system helper that was started as a service", arguments: RunningHelper.Privileges.allCases)
    func isTheHelpers(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(privileges, leadingSession: true)
        try #require(getsid(helper.process) == helper.process)
        let isTaken = sessionsShare && TestBed.hasMachineRoot && privileges == .root
        #expect(try sessionNiceness(of: helper.process) == (isTaken ? -10 : 0))
    }
}
