import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan
@testable import LaunchProtocol

@Suite("A launch under way when the helper is told to stop", .testBed)
struct HelperStopTests {
    @Test("is told so also where its order has not come yet, or was not read yet", arguments: [false, true])
    func unread(_ isOrdered: Bool) async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let client = try RawClient(helper)
        guard case .message(.welcome) = try client.greet() else {
            Issue.record("the helper has not answered")
            return
        }
        if isOrdered {
            let monitors = helper.monitors
            try await KeptSessionProcesses.stop(monitors)
            try client.order { _ in }
            for signal in [SIGTERM, SIGCONT] {
                for monitor in monitors { #expect(kill(monitor, signal) == 0) }
            }
        } else {
            #expect(helper.stop() == 0)
        }
        guard case .message(.failed(let report)) = try client.reply() else {
            Issue.record("the connection was closed without a word")
            return
        }
        #expect(report.code == .withdrawn)
        #expect(report.operationText.contains("the helper was told to stop"), "\(report)")
        #expect(report.operationText.contains("nothing was started"), "\(report)")
        #expect(try client.reply().isEnd)
    }

    @Test("has not run, by the word of the helper that has ended its child", arguments: [DaemonEndPolicy.end, .goOn])
    func held(_ end: DaemonEndPolicy) async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "when-daemon-ends = keep-allowed"])
        let held = try HeldLaunch(of: TestBed.alice.userID)
        let person = try await TestBed.alice.identity
        let launcher = helper.launcher
        let launch = Task {
            var command = held.command
            command.daemonEnd = end
            return try await launchError(command, as: person, launcher)
        }
        let child = try await held.child()
        #expect(helper.stop() == 0)
        let error = try await launch.value
        #expect(error.code == .helperLost, "\(error)")
        #expect(error.message.contains("the helper was told to stop"), "\(error)")
        #expect(error.message.contains("the launch was withdrawn before the program ran"), "\(error)")
        #expect(!error.message.contains("may run all the same"), "\(error)")
        #expect(ProcessStart.time(of: child) == nil)
        #expect(!held.hasRun)
        try held.letGo()
    }

    @Test("is ended as a job when its process hears of it in the very exec")
    func inTheExec() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let (program, mark) = (freshPath("leased-shell"), freshPath("mark"))
        let others = Set(try HeldLaunch.processes(of: TestBed.alice.userID))
        let lease = try Lease(onCopyOf: "/bin/sh", at: program, owner: TestBed.alice.userID)
        let person = try await TestBed.alice.identity
        let launcher = helper.launcher
        let launch = Task {
            var command = Command(.path(program), arguments: ["-c", "echo > \(mark); exec sleep 100000"])
            command.workingDirectory = .path("/")
            return try await launcher.launch(patient(command), as: person)
        }
        let getLease: Int32 = 1_025
        try await wait { fcntl(lease.file.rawValue, getLease) != F_WRLCK }
        let found = try HeldLaunch.processes(of: TestBed.alice.userID).filter { !others.contains($0) }
        let child = try #require(found.count == 1 ? found.first : nil, "others have come: \(found)")
        try Self.interrupt(try ProcessStat(of: child).parent) {
            try lease.file.close()
            while !exists(mark) { usleep(1_000) }
        }
        let job = try await launch.value
        #expect(job.processID.rawValue == child)
        #expect(try await isSoon { ProcessStart.time(of: child) == nil }, "the job runs on")
        #expect(try await job.terminate(gracePeriod: .zero).status == .signaled(.terminate, coreDumped: false))
    }

    /// Tells a process of the helper to end, and has something happen between its hearing that and what it makes of it.
    ///
    /// All of it in one thread, which alone may trace the process.
    private static func interrupt(_ monitor: pid_t, meanwhile body: () throws -> Void) throws {
        try #require(poll_hold(monitor) == 0)
        defer { #expect(poll_release(monitor) == 0) }
        try #require(poll_hear(monitor, SIGTERM) == 0)
        try body()
    }

    @Test(
        "is waited for by no process of the helper where its child cannot be ended",
        .enabled(if: TestBed.hasMachineRoot, "mounts a file system")
    )
    func unending() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let page = try HeldPage(of: TestBed.alice)
        var isReleased = false
        defer { if !isReleased { page.release() } }
        let others = Set(try HeldLaunch.processes(of: TestBed.alice.userID))
        let person = try await TestBed.alice.identity
        let launcher = helper.launcher
        let launch = Task {
            var command = Command(.path("/bin/true"))
            command.workingDirectory = .path(page.room)
            return try await launchError(command, as: person, launcher)
        }
        try await page.isTouched()
        let found = try HeldLaunch.processes(of: TestBed.alice.userID).filter { !others.contains($0) }
        let child = try #require(found.count == 1 ? found.first : nil, "others have come: \(found)")
        let monitor = try ProcessStat(of: child).parent
        try #require(helper.monitors.contains(monitor))
        #expect(kill(monitor, SIGTERM) == 0)
        #expect(try await isSoon(within: .seconds(60)) { ProcessStart.time(of: monitor) == nil }, "it waits")
        #expect(ProcessStart.time(of: child) != nil)
        let error = try await launch.value
        #expect(error.code == .helperLost, "\(error)")
        #expect(error.message.contains("the child could not be ended yet, and ends when it goes on"), "\(error)")
        page.release()
        isReleased = true
        try await wait { ProcessStart.time(of: child) == nil }
    }
}
