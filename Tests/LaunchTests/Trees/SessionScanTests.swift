import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("Who belongs to a job without a cgroup", .testBed)
struct SessionScanTests {
    /// A descriptor of a process that has ended and was reaped.
    private func descriptorOfTheDead() throws -> OwnedDescriptor {
        var process: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("true"), nil]
        defer { unsafe free(arguments[0]) }
        try #require(unsafe posix_spawn(&process, "/bin/true", nil, nil, &arguments, nil) == 0)
        let descriptor = linux_pidfd_open(process)
        try #require(descriptor >= 0)
        var status: Int32 = 0
        try #require(unsafe waitpid(process, &status, 0) == process)
        return OwnedDescriptor(descriptor)
    }

    @Test("is nobody once the number of its first process may be another session's")
    func reusedNumber() async throws {
        let script = "sleep 1000 & exec sleep 1000"
        let foreign = try await SetUIDLauncher()
            .launch(patient(Command(.path("/bin/sh"), arguments: ["-c", script])), as: TestBed.bob.identity)
        let number = foreign.processID.rawValue
        let gone = StartedChild(processID: number, processDescriptor: try descriptorOfTheDead())
        let tree = ProcessTree(leader: gone, group: nil, of: TestBed.alice.userID)
        #expect(tree.signal(SIGKILL) == -ESRCH)
        #expect(tree.kill() == -ESRCH)
        #expect(gone.sendToGroup(SIGKILL) == -ESRCH)
        #expect(try await foreign.terminate(gracePeriod: ample).status == .signaled(.terminate))
    }

    @Test("is not who has a parent of the number of a member, unless that is the member itself")
    func reusedNumberOfAParent() throws {
        let own = try #require(SessionScan.read(getpid()))
        let leader = StartedChild(processID: .max, processDescriptor: OwnedDescriptor(-1))
        let child = SessionScan.Entry(
            member: SessionScan.Member(process: .max - 1, startTime: 1),
            parent: getpid(),
            group: .max - 1,
            session: .max - 1
        )
        #expect(SessionScan.belongs(child, to: leader, beside: [getpid(): own.member]))
        let earlier = SessionScan.Member(process: getpid(), startTime: own.member.startTime - 1)
        #expect(!SessionScan.belongs(child, to: leader, beside: [getpid(): earlier]))
        #expect(!SessionScan.belongs(child, to: leader, beside: [:]))
    }

    @Test("stands behind whoever has started it, so that it can be asked before that one is gone")
    func order() {
        func entry(_ process: Int32, of parent: Int32, in session: Int32) -> SessionScan.Entry {
            SessionScan.Entry(
                member: SessionScan.Member(process: process, startTime: 1),
                parent: parent,
                group: session,
                session: session
            )
        }
        let listing = [
            entry(9, of: 20, in: 9), entry(20, of: 10, in: 20), entry(11, of: 10, in: 10), entry(12, of: 11, in: 12),
            entry(30, of: 1, in: 30), entry(10, of: 1, in: 10),
        ]
        let found = SessionScan.members(of: 10, among: listing, knowing: []).map(\.member.process)
        #expect(Set(found) == [9, 11, 12, 20])
        #expect((found.firstIndex(of: 20) ?? 9) < (found.firstIndex(of: 9) ?? 0))
        #expect((found.firstIndex(of: 11) ?? 9) < (found.firstIndex(of: 12) ?? 0))
    }
}

@Suite("A child that is in use")
struct ReapingGuardTests {
    @Test("is reaped by nobody meanwhile, who does not wait for that, and whoever uses it last is told")
    func use() async {
        let reaping = ReapingGuard()
        var events: [String] = []
        let result = reaping.using {
            // The same thread: it would never come back if it had to wait.
            reaping.reap {
                events.append("reaped too early")
                return true
            }
            _ = reaping.using({ events.append("used by two") }, whenDue: { events.append("told too early") })
            return 7
        } whenDue: {
            events.append("told")
            reaping.reap {
                events.append("reaped")
                return true
            }
        }
        #expect(result == 7)
        #expect(events == ["used by two", "told", "reaped"])
        #expect(reaping.using({ 1 }, whenDue: {}) == nil)
    }
}
