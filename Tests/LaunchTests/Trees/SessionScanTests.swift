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

    private static func entry(_ process: Int32, of parent: Int32, in session: Int32) -> SessionScan.Entry {
        SessionScan.Entry(
            member: SessionScan.Member(process: process, startTime: 1),
            parent: parent,
            group: session,
            session: session
        )
    }

    private static let listing = [
        entry(9, of: 20, in: 9), entry(20, of: 10, in: 20), entry(11, of: 10, in: 10), entry(12, of: 11, in: 12),
        entry(30, of: 1, in: 30), entry(10, of: 1, in: 10), entry(13, of: 1, in: 12),
    ]

    @Test("stands behind whoever has started it, so that it can be asked before that one is gone")
    func order() {
        let found = SessionScan.members(of: 10, first: 10, among: Self.listing, knowing: []) { _ in true }
            .map(\.member.process)
        #expect(Set(found) == [9, 11, 12, 13, 20])
        #expect((found.firstIndex(of: 20) ?? 9) < (found.firstIndex(of: 9) ?? 0))
        #expect((found.firstIndex(of: 11) ?? 9) < (found.firstIndex(of: 12) ?? 0))
    }

    @Test("is who has lost his parent where this process is given those, but no child of its own")
    func orphans() {
        let own = getsid(0)
        let listing = [
            Self.entry(10, of: 7, in: 10), Self.entry(11, of: 7, in: own), Self.entry(12, of: 7, in: 12),
            Self.entry(13, of: 7, in: 10), Self.entry(14, of: 8, in: 14),
        ]
        let adoption = OrphanAdoption(by: 7)
        #expect(Set(adoption.orphans(but: 10, among: listing).map(\.process)) == [12, 13])
        #expect(Set(adoption.orphans(but: nil, among: listing).map(\.process)) == [10, 12, 13])
    }

    @Test("is not who has a parent, or a session, of a number that may be somebody else's by now")
    func reusedNumbers() {
        func found(_ dead: Int32) -> Set<Int32> {
            let found = SessionScan.members(of: 10, first: 10, among: Self.listing, knowing: []) {
                $0.member.process != dead
            }
            return Set(found.map(\.member.process))
        }
        #expect(found(20) == [11, 12, 13, 20])
        #expect(found(12) == [9, 11, 12, 20])
        #expect(found(11) == [9, 11, 20])
    }

    @Test("is who was known before, with the session and the children, also when the first process is gone")
    func knownMembers() {
        let known = Self.listing[3].member
        let found = SessionScan.members(of: nil, first: 10, among: Self.listing, knowing: [known]) { _ in true }
        #expect(Set(found.map(\.member.process)) == [12, 13])
    }

    @Test("is not who shares a session with an orphan that the job was given, unless that began in the job")
    func foreignSessions() {
        func entry(_ process: Int32, of parent: Int32, in session: Int32, since start: UInt64) -> SessionScan.Entry {
            SessionScan.Entry(
                member: SessionScan.Member(process: process, startTime: start),
                parent: parent,
                group: session,
                session: session
            )
        }
        // Process 20 is the first one of a pid namespace, which somebody has entered from his shell, 40.
        let listing = [
            entry(10, of: 1, in: 10, since: 5), entry(20, of: 10, in: 20, since: 6), entry(40, of: 1, in: 40, since: 2),
            entry(41, of: 40, in: 40, since: 8), entry(50, of: 20, in: 40, since: 9),
            // The one that began session 60 is gone.
            entry(61, of: 20, in: 60, since: 9), entry(62, of: 1, in: 60, since: 9),
            // Nobody has a parent that is younger.
            entry(80, of: 20, in: 80, since: 5),
        ]
        let found = SessionScan.members(of: 10, first: 10, among: listing, knowing: []) { _ in true }
        #expect(Set(found.map(\.member.process)) == [20, 50, 61])
    }

    @Test("is never who shares the session of this process, where a child is still in it")
    func ownSession() {
        let own = getsid(0)
        let listing = [
            Self.entry(10, of: 1, in: own), Self.entry(11, of: 10, in: own), Self.entry(30, of: 1, in: own),
            Self.entry(40, of: 10, in: 40), Self.entry(41, of: 1, in: 40),
        ]
        let found = SessionScan.members(of: 10, first: 10, among: listing, knowing: []) { _ in true }
        #expect(Set(found.map(\.member.process)) == [11, 40, 41])
    }

    @Test("is also who has ended its first thread, and only that one")
    func threadsThatGoOn() async throws {
        let command = patient(Command(.path(FilePath(TestBed.probe)), arguments: ["--leave-first-thread"]))
        let process = try await SetUIDLauncher().launch(command, as: TestBed.alice.identity)
        let deadline = ContinuousClock.now + ample
        var stat = try ProcessStat(of: process.processID.rawValue)
        while stat.state != UInt8(ascii: "Z"), ContinuousClock.now < deadline {
            stat = try ProcessStat(of: process.processID.rawValue)
        }
        #expect(stat.state == UInt8(ascii: "Z"))
        #expect(!stat.hasEnded)
        #expect(process.reference != nil)
        #expect(try await process.terminate(gracePeriod: ample).status == .signaled(.terminate))
    }

    @Test("is ended with its first process, whatever session it has given itself", arguments: ["TERM", "KILL"])
    func ownSessions(_ signal: String) async throws {
        let ready = freshPath("ready")
        let script = """
            setsid sh -c "trap '' TERM HUP; echo \\$\\$ > \(ready); while :; do sleep 0.05; done" &
            trap '' TERM; while :; do sleep 0.05; done
            """
        let process = try await SetUIDLauncher()
            .launch(patient(Command(.path("/bin/sh"), arguments: ["-c", script])), as: TestBed.alice.identity)
        while try !exists(ready) || ProcFile.read(ready).isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        let worker = try #require(Int32(try ProcFile.read(ready).prefix { $0 != "\n" }))
        let start = try #require(ProcessStart.time(of: worker))
        if signal == "KILL" {
            try process.send(.kill, to: .tree)
            #expect(try await process.exitReport().status == .signaled(.kill))
        } else {
            let report = try await process.terminate(gracePeriod: .milliseconds(20))
            #expect(report.status == .signaled(.kill))
            #expect(report.remainingProcesses == 0)
        }
        let deadline = ContinuousClock.now + ample
        while !ProcessStart.hasEnded(worker, startedAt: start), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(1))
        }
        #expect(ProcessStart.hasEnded(worker, startedAt: start))
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
