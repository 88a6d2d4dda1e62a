import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchProtocol

@Suite("A launch through the system helper that is given up", .testBed)
struct HelperWithdrawalTests {
    /// A helper, and a command whose program it cannot start as long as the lease is there.
    private func heldUp() throws -> (helper: RunningHelper, lease: Lease, command: Command) {
        let program = freshPath("leased")
        let lease = try Lease(onCopyOf: "/bin/true", at: program, owner: TestBed.alice.userID)
        return (try RunningHelper(policy: ["peers = 0"]), lease, Command(.path(program)))
    }

    @Test("one that stands still delays nobody")
    func stalled() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let held = try HeldLaunch(of: TestBed.alice.userID)
        let person = try await TestBed.alice.identity
        let launcher = helper.launcher
        let launch = Task { try await launchError(held.command, as: person, launcher) }
        let child = try await held.child()
        for _ in 0..<20 {
            let result = try await run(Command(.path("/bin/true")), as: person, launcher)
            #expect(result.exit.status == .exited(0))
        }
        // It has stood there all the time: whoever had waited for it would have seen it run (`fs.lease-break-time`, 45 seconds).
        #expect(ProcessStart.time(of: child) != nil)
        #expect(!held.hasRun)
        launch.cancel()
        #expect(try await launch.value.code == .cancelled)
        try held.letGo()
    }

    @Test("one that stands still is given up in its time")
    func overdue() async throws {
        let (helper, lease, held) = try heldUp()
        var stalled = held
        stalled.startDeadline = .milliseconds(700)
        let person = try await TestBed.alice.identity
        let error = try await launchError(stalled, as: person, helper.launcher)
        #expect(error.code == .deadlineExceeded, "\(error)")
        #expect(helper.log.contains("not started"))
        try lease.file.close()
    }

    @Test("one that is cancelled is withdrawn")
    func cancelled() async throws {
        let (helper, lease, command) = try heldUp()
        let person = try await TestBed.alice.identity
        let helpers = helper.launcher
        let launch = Task { [command] in try await launchError(command, as: person, helpers) }
        while helper.jobs.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        launch.cancel()
        #expect(try await launch.value.code == .cancelled)
        try lease.file.close()
        while !helper.jobs.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
    }

    @Test(
        "one whose process of the helper is killed meanwhile is lost, and nothing of it is left where the helper has CAP_KILL",
        arguments: [LaunchWay.helperAsRoot, .helperWithTwoCapabilities, .session, .sharedSession]
    )
    func monitorIsKilled(_ way: LaunchWay) async throws {
        let helper = try RunningHelper(try #require(way.helper), policy: way.policy + ["peers = 0"])
        let launcher = way.launcher(helper.socket)
        try await way.prepare(launcher)
        let held = try HeldLaunch(of: TestBed.alice.userID)
        let person = try await TestBed.alice.identity
        let launch = Task { try await launchError(held.command, as: person, launcher) }
        let child = try await held.child()
        let parent = try ProcessStat(of: child).parent
        try #require(parent != getpid() && parent != helper.process)
        #expect(kill(parent, SIGKILL) == 0)
        let error = try await launch.value
        #expect(error.code == .helperLost, "\(error)")
        #expect(error.message.contains("ends with it, unless it was killed without CAP_KILL"), "\(error)")
        if way == .helperWithTwoCapabilities {
            // The kernel sends the signal of a parent's death with the rights of the parent (`forget_original_parent` of kernel/exit.c).
            #expect(ProcessStart.time(of: child) != nil)
            #expect(kill(child, SIGKILL) == 0)
        }
        // Long before the kernel has waited long enough for the lease (`fs.lease-break-time`, 45 seconds).
        #expect(try await isSoon { ProcessStart.time(of: child) == nil })
        #expect(!held.hasRun)
        try held.letGo()
        // Nobody else has noticed.
        #expect(try await run(Command(.path("/bin/true")), as: person, launcher).exit.status == .exited(0))
    }

    @Test("of one that is to outlive its daemon nobody says that nothing of it is left")
    func monitorOfKeptIsKilled() async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "when-daemon-ends = keep-allowed"])
        let held = try HeldLaunch(of: TestBed.alice.userID)
        let person = try await TestBed.alice.identity
        let launcher = helper.launcher
        let launch = Task {
            var command = held.command
            command.daemonEnd = .goOn
            return try await launchError(command, as: person, launcher)
        }
        let child = try await held.child()
        #expect(kill(try ProcessStat(of: child).parent, SIGKILL) == 0)
        let error = try await launch.value
        #expect(error.code == .helperLost, "\(error)")
        #expect(error.message.contains("may run all the same"), "\(error)")
        #expect(ProcessStart.time(of: child) != nil)
        try held.letGo()
        try await wait { ProcessStart.time(of: child) == nil }
        #expect(held.hasRun)
    }

    @Test("one that is withdrawn in the last step of PAM is not started")
    func withdrawnInTheSession() async throws {
        let service = try PAMService(scripted: "open:wait=\(PAMService.gateMark)")
        let helper = try RunningHelper(policy: service.policy)
        let client = try RawClient(helper)
        try client.greet()
        try client.order { $0.session = SessionOrder(service: Array(service.name.utf8)) }
        try await wait { service.stages.contains("open") }
        // It lies there when the step ends.
        try client.tell(.withdraw)
        try service.openGate()
        guard case .message(.failed(let report)) = try client.reply() else {
            Issue.record("the job was started")
            return
        }
        #expect(report.code == .withdrawn)
        // Before there was a child that could be withdrawn.
        #expect(report.step == LAUNCH_STEP_PREPARE.rawValue, "\(report)")
        #expect(report.operationText == "the launch was withdrawn before the job was started")
        try await service.waitForClose()
        #expect(service.stages.filter { $0 == "close" }.count == 1)
    }

    @Test("one that is cancelled while nobody of the helper has answered yet is cancelled, and nothing else")
    func cancelledInGreeting() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let command = Command(.path("/bin/true"))
        let person = try await TestBed.alice.identity
        let helpers = helper.launcher
        for round in 0..<20 {
            while helper.monitors.count < 4 { try await Task.sleep(for: .milliseconds(1)) }
            // The first of them makes others.
            kill(helper.process, SIGSTOP)
            while try ProcessStat(of: helper.process).state != UInt8(ascii: "T") { await Task.yield() }
            let monitors = helper.monitors
            for monitor in monitors { kill(monitor, SIGSTOP) }
            let launch = Task { [command] in try await launchError(command, as: person, helpers) }
            // Nothing tells when it has connected and waits; most rounds find it there.
            try await Task.sleep(for: .milliseconds(2 + round))
            launch.cancel()
            for process in monitors + [helper.process] { kill(process, SIGCONT) }
            let error = try await launch.value
            #expect(error.code == .cancelled, "\(error)")
        }
    }

    @Test("one that comes when the helper takes no descriptors any more is told what that has said before")
    func takesNothing() async throws {
        let path = freshPath("socket")
        let listener = try FalseHelper(at: path)
        let person = try await TestBed.alice.identity
        let launch = Task {
            try await launchError(Command(.path("/bin/true")), as: person, SystemHelperLauncher(socket: path))
        }
        let connection = try await listener.accept()
        _ = try await FalseHelper.next(on: connection)
        connection.takeDescriptors(false)
        try FalseHelper.welcome(connection)
        try FalseHelper.tell(.refused(Refusal(reason: "too-late", message: "said before")), over: connection)
        let error = try await launch.value
        #expect(error.code == .refused && error.description.contains("said before"), "\(error)")
    }
}
