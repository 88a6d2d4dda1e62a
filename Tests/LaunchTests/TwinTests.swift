import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// From its switch to its exec a child belongs to the account of the job, and so to every process of that account.
///
/// In these tests one of them is there already, and does to the child whatever the kernel lets it.
@Suite("A process of the account that a launch is for", .testBed)
struct TwinTests {
    private static let ways: [LaunchWay] = [
        .isolated, .direct, .helperAsRoot, .helperWithTwoCapabilities, .session, .sharedSession,
    ]

    /// Those whose child has no memory of the daemon's.
    private static let apart = ways.filter { $0 != .direct }

    /// The launcher of a way, for this process, which has no more than that needs from now on.
    private static func becomeDaemon(_ way: LaunchWay, _ socket: String) async throws -> any ProcessLauncher {
        if way.helper != nil { becomeUnprivilegedDaemon() }
        let launcher = way.launcher(FilePath(socket))
        try await way.prepare(launcher)
        return launcher
    }

    /// Expects that jobs of somebody else run, and are what they should be.
    private static func expectOthersToRun(_ launcher: any ProcessLauncher) async throws {
        let result = try await run(Command(.path(FilePath(TestBed.probe))), as: TestBed.bob.identity, launcher)
        #expect(result.exit.status == .exited(0))
        let report = try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
        #expect(report.userID == .all(TestBed.bob.userID))
        #expect(report.groupID == .all(TestBed.bob.groupID))
        #expect(report.groups == TestBed.bob.groups)
    }

    /// Attacks a child as its account.
    ///
    /// - Parameters:
    ///   - child: The child.
    ///   - traces: Whether it is to be traced: that waits for an exec under way, with kernels before 6.8.
    ///   - launcher: How the attacker is started.
    /// - Throws: When there is no attack.
    private static func expectOutOfReach(
        _ child: Int32,
        traces: Bool,
        _ launcher: any ProcessLauncher
    ) async throws {
        let option = traces ? "--read-parent-memory" : "--read-memory"
        let attacker = Command(.path(FilePath(TestBed.probe)), arguments: [option, "\(child)"])
        let result = try await run(attacker, as: TestBed.alice.identity, launcher)
        let report = try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
        #expect(report.attempts.contains { $0.call == "ptrace(PTRACE_SEIZE)" } == traces)
        Attack.expectRefused(child, in: report, but: Attack.ofTheSameAccount)
    }

    private static func signal(_ signal: String, _ child: Int32, _ launcher: any ProcessLauncher) async throws {
        let result = try await runScript("kill -\(signal) \(child)", as: TestBed.alice.identity, launcher)
        #expect(result.exit.status == .exited(0))
    }

    @Test(
        "cannot reach its child in the exec, nor hold up the launches of others, and kills it for good",
        arguments: ways
    )
    func held(_ way: LaunchWay) async throws {
        let helper = try way.helper.map { try RunningHelper($0, policy: way.policy) }
        let socket = helper?.socket.string ?? ""
        let way = way.rawValue
        await #expect(processExitsWith: .success) { [way = way as String, socket = socket as String] in
            let way = try #require(LaunchWay(rawValue: way))
            let held = try HeldLaunch(of: TestBed.alice.userID)
            let launcher = try await Self.becomeDaemon(way, socket)
            let person = try await TestBed.alice.identity
            let launch = Task { try await launcher.launch(held.command, as: person) }
            let child = try await held.child()
            for _ in 0..<3 { try await Self.expectOthersToRun(launcher) }
            try await Self.expectOutOfReach(child, traces: false, launcher)
            try await Self.signal("KILL", child, launcher)
            switch await launch.result {
            case .success(let process):
                // It has said that all is proven, and nothing that a job cannot imitate tells an exec from an end then.
                #expect(way != .direct)
                #expect(process.processID.rawValue == child)
                #expect(try await process.exitReport().status == .signaled(.kill, coreDumped: false))
            case .failure(let error):
                #expect(way == .direct)
                #expect((error as? LaunchError)?.code == .endedBeforeStart, "\(error)")
            }
            try await wait { ProcessStart.time(of: child) == nil }
            #expect(!held.hasRun)
            try held.letGo()
            #expect(try await run(Command(.path("/bin/true")), as: person, launcher).exit.status == .exited(0))
        }
        helper?.stop()
    }

    @Test(
        "cannot reach its child in its working directory, also not by tracing it, and a kill there is an error that says so",
        .enabled(if: TestBed.hasMachineRoot, "mounts a file system"),
        arguments: apart
    )
    func entering(_ way: LaunchWay) async throws {
        let helper = try way.helper.map { try RunningHelper($0, policy: way.policy + ["peers = 0"]) }
        let launcher = way.launcher(helper?.socket ?? "")
        try await way.prepare(launcher)
        let person = try await TestBed.alice.identity
        let page = try HeldPage(of: TestBed.alice)
        var isReleased = false
        defer { if !isReleased { page.release() } }
        let others = Set(try HeldLaunch.processes(of: TestBed.alice.userID))
        let marker = freshPath("marker")
        let launch = Task {
            var command = Command(.path("/usr/bin/touch"), arguments: [marker.string])
            command.workingDirectory = .path(page.room)
            return try await launchError(command, as: person, launcher)
        }
        try await page.isTouched()
        let found = try HeldLaunch.processes(of: TestBed.alice.userID).filter { !others.contains($0) }
        let child = try #require(found.count == 1 ? found.first : nil, "others have come: \(found)")
        try await Self.expectOutOfReach(child, traces: true, launcher)
        try await Self.expectOthersToRun(launcher)
        try await Self.signal("KILL", child, launcher)
        // Until then not even a kill ends the wait.
        page.release()
        isReleased = true
        let error = try await launch.value
        #expect(error.code == .endedBeforeStart, "\(error)")
        #expect(error.message.contains("processes of the account that kill others"), "\(error)")
        try await wait { ProcessStart.time(of: child) == nil }
        #expect(!exists(marker))
        helper?.stop()
    }

    @Test(
        "may stop its child, which is ended at the deadline with an error that says so",
        arguments: [LaunchWay.isolated, .helperAsRoot, .helperWithTwoCapabilities]
    )
    func stopped(_ way: LaunchWay) async throws {
        let helper = try way.helper.map { try RunningHelper($0, policy: way.policy) }
        let socket = helper?.socket.string ?? ""
        let way = way.rawValue
        await #expect(processExitsWith: .success) { [way = way as String, socket = socket as String] in
            let way = try #require(LaunchWay(rawValue: way))
            let held = try HeldLaunch(of: TestBed.alice.userID)
            let launcher = try await Self.becomeDaemon(way, socket)
            let person = try await TestBed.alice.identity
            let launch = Task {
                var command = held.command
                // Time enough for the account to stop it.
                command.startDeadline = .seconds(12)
                return try await launchError(command, as: person, launcher)
            }
            let child = try await held.child()
            try await Self.signal("STOP", child, launcher)
            while try ProcessStat(of: child).state != UInt8(ascii: "T") { try await Task.sleep(for: .milliseconds(1)) }
            // Nothing but the stop holds it from here on.
            try held.letGo()
            try await Self.expectOthersToRun(launcher)
            let error = try await launch.value
            #expect(error.code == .deadlineExceeded, "\(error)")
            #expect(error.step == .confirm)
            #expect(error.message.contains("processes of the account that stop others"), "\(error)")
            try await wait { ProcessStart.time(of: child) == nil }
            #expect(!held.hasRun)
        }
        helper?.stop()
    }

    @Test(
        "that hunts it the whole time learns nothing, and no launch is told otherwise than it went",
        arguments: ways,
        [false, true]
    )
    func hunted(_ way: LaunchWay, kills: Bool) async throws {
        let helper = try way.helper.map { try RunningHelper($0, policy: way.policy) }
        let program = try Prey()
        let socket = helper?.socket.string ?? ""
        await #expect(processExitsWith: .success) {
            [
                way = way.rawValue as String, kills = kills as Bool, socket = socket as String,
                program = program.path.string as String
            ] in
            let way = try #require(LaunchWay(rawValue: way))
            let launcher = try await Self.becomeDaemon(way, socket)
            let person = try await TestBed.alice.identity
            let hunt = try await Hunt(.everybody(until: Prey.name, kills: kills), as: person, launcher)
            // In direct mode the moment before the exec is so short that it need not come.
            let wanted = way == .direct ? 0 : 3
            var rounds = 0
            while rounds < 20 || hunt.told(kills ? "killed" : "before").count < wanted {
                rounds += 1
                try #require(rounds < 3_000, "nobody was met before the exec")
                let marker = freshPath("marker")
                async let others: Void = Self.expectOthersToRun(launcher)
                let command = patient(Command(.path(FilePath(program)), arguments: [marker.string]))
                let launch = await Task { try await launcher.launch(command, as: person) }.result
                try await Self.expectTruth(launch, of: marker, way, kills ? hunt : nil)
                try await others
            }
            try await hunt.end()
        }
        helper?.stop()
    }

    /// Expects that a launch was told as it went.
    private static func expectTruth(
        _ launch: Result<LaunchedProcess, any Error>,
        of marker: FilePath,
        _ way: LaunchWay,
        _ killer: Hunt?
    ) async throws {
        switch launch {
        case .success(let process):
            let status = try await process.exitReport().status
            guard status != .exited(0) else { return #expect(exists(marker)) }
            // Killed behind the proof, as above.
            #expect(way != .direct)
            #expect(status == .signaled(.kill, coreDumped: false))
            #expect(!exists(marker))
            let killer = try #require(killer)
            try await wait { killer.told("killed").contains("\(process.processID.rawValue)") }
        case .failure(let error):
            #expect((error as? LaunchError)?.code == .endedBeforeStart, "\(error)")
            #expect(killer != nil)
            #expect(!exists(marker))
        }
    }

    @Test(
        "holds up nobody else with a program whose pages never come, and that launch ends at its deadline",
        .enabled(if: TestBed.hasMachineRoot, "mounts a file system"),
        arguments: apart
    )
    func page(_ way: LaunchWay) async throws {
        let helper = try way.helper.map { try RunningHelper($0, policy: way.policy + ["peers = 0"]) }
        let launcher = way.launcher(helper?.socket ?? "")
        try await way.prepare(launcher)
        let page = try HeldPage(of: TestBed.alice)
        var isReleased = false
        defer { if !isReleased { page.release() } }
        let others = Set(try HeldLaunch.processes(of: TestBed.alice.userID))
        var command = Command(.path(FilePath(page.file)))
        command.workingDirectory = .path("/")
        command.startDeadline = .seconds(2)
        let error = try await launchError(command, as: TestBed.alice.identity, launcher)
        #expect(error.code == .deadlineExceeded, "\(error)")
        #expect(error.message.contains("file system"), "\(error)")
        try await page.isTouched()
        // It stands there still: not even a kill ends that.
        let standing = try HeldLaunch.processes(of: TestBed.alice.userID).filter { !others.contains($0) }
        #expect(standing.count == 1)
        try await Self.expectOthersToRun(launcher)
        page.release()
        isReleased = true
        try await wait { standing.allSatisfy { ProcessStart.time(of: $0) == nil } }
        helper?.stop()
    }

    @Test("cannot reach a process of the helper that has its effective id for the moment of a signal")
    func effectiveID() async throws {
        let helper = try RunningHelper(.twoCapabilities, policy: ["peers = 0"])
        let launcher = LaunchWay.helperWithTwoCapabilities.launcher(helper.socket)
        let person = try await TestBed.alice.identity
        let job = try await launcher.launch(patient(Command(.path("/bin/sleep"), arguments: ["100000"])), as: person)
        let parent = try ProcessStat(of: job.processID.rawValue).parent
        try #require(helper.monitors.contains(parent))
        let hunt = try await Hunt(.process(parent), as: person, launcher)
        let patience = ContinuousClock.now + ample
        while hunt.told("before").count < 20 {
            try #require(ContinuousClock.now < patience, "it was never met with that id")
            // It looks at every process as the account meanwhile.
            do throws(Errno) {
                try job.send(.resume, to: .tree)
            } catch {
                // It has not read yet what it was asked for before.
                try #require(error == .resourceTemporarilyUnavailable)
            }
            try await Task.sleep(for: .milliseconds(1))
        }
        try await hunt.end()
        #expect(try await job.terminate(gracePeriod: ample).status == .signaled(.terminate))
        helper.stop()
    }
}

/// A program that its account can execute and not read: what executes it is never open to that account, so that whoever reaches it
/// has done so before.
private struct Prey {
    /// Its name as the kernel has it (`comm`), shorter than that can be.
    static let name = "prey"

    let path: FilePath

    init() throws {
        let directory = freshPath("prey")
        try #require(unsafe mkdir(directory.string, 0o755) == 0)
        path = directory.appending(Self.name)
        // Tells that it has run.
        let source = try FileDescriptor.open(FilePath("/usr/bin/touch"), .readOnly)
        defer { try? source.close() }
        let copy = try FileDescriptor.open(
            path,
            .writeOnly,
            options: [.create, .exclusiveCreate],
            permissions: .ownerReadWrite
        )
        defer { try? copy.close() }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe source.read(into: $0) }
        try copy.writeAll(buffer.prefix(count))
        try #require(fchmod(copy.rawValue, 0o711) == 0)
    }
}
