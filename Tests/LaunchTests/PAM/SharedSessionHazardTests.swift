import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan
@testable import LaunchProtocol

@Suite("A session of PAM that jobs share, when what keeps it stands still or ends", .testBed)
struct SharedSessionHazardTests {
    private static let mounts = Comment("mounts a file system")
    private static let long = PAMLauncher.Sessions.shared(idleTime: .seconds(3_600))

    private func policy(_ service: PAMService) -> [String] {
        ["peers = 0 \(RunningHelper.daemon)", "pam-services = \(service.name)", "pam-session-idle = 3600"]
    }

    /// Asks for a job that lasts, in a session that it shares with all of the service.
    private func order(
        _ client: RawClient,
        _ service: PAMService,
        with extra: [OwnedDescriptor] = [],
        password: OwnedDescriptor? = nil,
        within milliseconds: UInt32 = 300_000,
        running script: String = "exec /bin/sleep 100000"
    ) throws {
        try client.order(with: extra, password: password) {
            $0.executables = ["/bin/sh"]
            $0.arguments = ["sh", "-c", script].map { Array($0.utf8) }
            $0.startDeadlineMilliseconds = milliseconds
            $0.session = SessionOrder(
                service: Array(service.name.utf8),
                authenticates: password != nil,
                idleMilliseconds: 3_600_000
            )
        }
    }

    /// Connects.
    ///
    /// - Returns: The connection, and the process of the helper at its other end.
    private func connect(_ helper: RunningHelper) throws -> (client: RawClient, process: pid_t) {
        let client = try RawClient(helper)
        guard case .message(.welcome(let welcome)) = try client.greet() else { throw Errno.connectionRefused }
        return (client, welcome.helperProcessID)
    }

    /// Launches a job and leaves it, until the process that had it has gone.
    ///
    /// - Returns: Whether its session is shared.
    private func join(
        _ helper: RunningHelper,
        _ service: PAMService,
        within milliseconds: UInt32 = 300_000
    ) async throws -> Bool {
        let (client, _) = try connect(helper)
        try order(client, service, within: milliseconds)
        guard case .message(.started(let report)) = try client.reply() else {
            Issue.record("the job was not started")
            return false
        }
        let parent = try ProcessStat(of: report.processID).parent
        client.close()
        try await wait { KeptSessionProcesses.state(of: parent) == nil }
        return report.session?.isShared ?? false
    }

    /// A service whose modules say yes, and a helper for it.
    private func started() throws -> (service: PAMService, helper: RunningHelper) {
        let service = try PAMService(scripted: "*:info=x")
        return (service, try RunningHelper(policy: policy(service)))
    }

    /// A pipe that nobody can let go of until the page is released, and the job that stands in the middle of it.
    private func held() async throws -> (page: HeldPage, pipe: OwnedDescriptor, holder: LaunchedProcess) {
        let page = try HeldPage(of: TestBed.alice)
        let (pipe, holder) = try await page.heldPipe()
        return (page, pipe, holder)
    }

    /// Has a session kept, and stops what keeps it: what comes to it stays on its way.
    private func stopped(_ helper: RunningHelper, _ service: PAMService) async throws -> KeptSessionProcesses {
        #expect(try await join(helper, service))
        let processes = try KeptSessionProcesses(service)
        try await processes.stop()
        return processes
    }

    private func isShared(_ client: RawClient) throws -> Bool {
        guard case .message(.started(let report)) = try client.reply() else {
            Issue.record("the job was not started")
            return false
        }
        return report.session?.isShared ?? false
    }

    private func hasReply(_ client: RawClient) -> Bool {
        var event = pollfd(fd: client.socket.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&event, 1, 0) == 1
    }

    private func nulls(_ count: Int) throws -> [OwnedDescriptor] {
        try (0..<count).map { _ in try OwnedDescriptor(moving: unsafe open("/dev/null", O_RDWR | O_CLOEXEC)) }
    }

    // MARK: On the way

    @Test("costs nobody his job where more of them come than it takes: they have other ones")
    func manyDescriptors() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(.packaged, policy: policy(service))
        let processes = try await stopped(helper, service)
        var clients: [RawClient] = []
        // Together they bring more than 1,024 descriptors, of which the kernel has no more on their way.
        for _ in 0..<24 {
            let (client, _) = try connect(helper)
            try order(client, service, with: try nulls(60), within: 8_000)
            clients.append(client)
        }
        for client in clients { #expect(try client.reply().isStart) }
        processes.goOn()
        _ = try await processes.waiting()
        #expect(processes.withJobs.isEmpty)
        #expect(try await join(helper, service))
        #expect(!helper.log.contains("killed, because its daemon went"))
        for client in clients { client.close() }
    }

    @Test("is not ended by what others of the helper's user have on their way")
    func descriptorsInFlight() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(.packaged, policy: policy(service))
        let (near, far) = try FrameSocket.pair()
        let null = try nulls(1)[0]
        for _ in 0..<20 {
            // The kernel counts what was sent and not received, for the user id that sent it.
            let frame = OutgoingFrame(bytes: [0], descriptors: Array(repeating: null, count: 60))
            try #require(try near.send(frame) == .sent)
        }
        let (client, _) = try connect(helper)
        try order(client, service)
        guard case .message(.started) = try client.reply() else {
            Issue.record("its daemon was not told of the job")
            return
        }
        client.close()
        far.descriptor.closeNow()
    }

    @Test("stands still for nobody who does not want his job any more")
    func withdrawal() async throws {
        let (service, helper) = try started()
        let processes = try await stopped(helper, service)
        // One is on its way, the other one waits for its turn.
        let both = [try connect(helper), try connect(helper)]
        for (client, process) in both {
            try order(client, service)
            try await wait { KeptSessionProcesses.waitsForOthers(process) }
        }
        for (client, _) in both { try client.tell(.withdraw) }
        #expect(try await isSoon { both.allSatisfy { hasReply($0.client) } })
        processes.goOn()
        #expect(try await join(helper, service))
        #expect(service.stages.count { $0 == "open" } <= 3)
    }

    @Test("delays one job alone by standing still, and goes on once it does not", arguments: [true, false])
    func stalled(_ isPatient: Bool) async throws {
        let (service, helper) = try started()
        let processes = try await stopped(helper, service)
        var clients: [RawClient] = []
        let (other, process) = try connect(helper)
        if !isPatient {
            // That one waits longer, so whoever comes next is the first to find that it is not taken.
            try order(other, service)
            try await wait { KeptSessionProcesses.waitsForOthers(process) }
        }
        for (index, milliseconds) in [2_000, 300_000, 300_000].enumerated() as EnumeratedSequence<[UInt32]> {
            if index == 1, !isPatient {
                // What it has found is still so.
                try other.tell(.withdraw)
                #expect(try await isSoon { hasReply(other) })
            }
            let (client, _) = try connect(helper)
            try order(client, service, within: milliseconds)
            // Half of its time would be two and a half minutes.
            #expect(try await isSoon(within: .seconds(50)) { hasReply(client) })
            #expect(try isShared(client))
            clients.append(client)
        }
        // One more is theirs.
        #expect(service.stages.count { $0 == "open" } == 2)
        let waiting = try await processes.waiting(stopped: true)
        processes.goOn()
        // One of them finds what was given up, and another one takes its place.
        try await wait { Set(processes.children).subtracting(waiting).count == 1 && processes.children.count == 2 }
        #expect(processes.withJobs.isEmpty)
        let (client, _) = try connect(helper)
        try order(client, service)
        #expect(try isShared(client))
        #expect(processes.withJobs.count == 1)
        for client in clients + [client] { client.close() }
        #expect(helper.stop() == 0)
        for stage in ["cred", "open", "close", "uncred"] {
            #expect(service.stages.count { $0 == stage } == 2, "\(stage): \(service.stages)")
        }
    }

    @Test("frees its place where it has stood still to its end")
    func stalledToTheEnd() async throws {
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: policy(service) + ["maximum-jobs = 3", "maximum-jobs-per-peer = 3"])
        // One more than there are places.
        for _ in 0..<33 {
            let processes = try await stopped(helper, service)
            #expect(try await join(helper, service, within: 1_000))
            #expect(kill(processes.keeper, SIGKILL) == 0)
            try await wait { KeptSessionProcesses.state(of: processes.keeper) == nil }
        }
    }

    @Test("runs a job once that was given up on its way, and is there for the next one")
    func lateTaker() async throws {
        let (service, helper) = try started()
        #expect(try await join(helper, service))
        let processes = try KeptSessionProcesses(service)
        try await wait { processes.withJobs.isEmpty }
        let waiting = try await processes.waiting()
        // Those alone: what keeps the session goes on.
        try await KeptSessionProcesses.stop(waiting)
        let runs = freshPath("runs")
        try writeFile("", to: runs)
        try #require(unsafe chown(runs.string, TestBed.alice.userID, TestBed.alice.groupID) == 0)
        let (client, _) = try connect(helper)
        try order(client, service, within: 2_000, running: "echo $$ >> \(runs); exec /bin/sleep 100000")
        guard case .message(.started(let report)) = try client.reply() else {
            Issue.record("the job was not started")
            return
        }
        try await wait { try ProcFile.read(runs) == "\(report.processID)\n" }
        for process in waiting { _ = kill(process, SIGCONT) }
        // One of them finds nothing, and ends; another one waits.
        try await wait { Set(processes.children).subtracting(waiting).count == 1 && processes.children.count == 2 }
        #expect(processes.withJobs.isEmpty)
        #expect(try ProcFile.read(runs) == "\(report.processID)\n")
        #expect(!hasReply(client))
        let (next, _) = try connect(helper)
        try order(next, service)
        #expect(try isShared(next))
        #expect(processes.withJobs.count == 1)
        for client in [client, next] { client.close() }
    }

    @Test("holds nothing of a daemon whose job was given up on its way")
    func givenUp() async throws {
        let (service, helper) = try started()
        _ = try await stopped(helper, service)
        let (client, process) = try connect(helper)
        try order(client, service)
        try await wait { KeptSessionProcesses.waitsForOthers(process) }
        try client.tell(.withdraw)
        guard case .message(.failed(let report)) = try client.reply() else {
            Issue.record("the job was not given up")
            return
        }
        #expect(report.code == .withdrawn)
        // The connection ends with the process that has had it, though nobody has received what it sent.
        #expect(try await isSoon { hasReply(client) })
    }

    @Test("goes on without those that wait for jobs and stand still")
    func idlers() async throws {
        let (service, helper) = try started()
        let (first, _) = try connect(helper)
        try order(first, service)
        #expect(try isShared(first))
        let processes = try KeptSessionProcesses(service)
        let waiting = try await processes.waiting()
        try await KeptSessionProcesses.stop(waiting)
        let (second, _) = try connect(helper)
        try order(second, service, within: 2_000)
        #expect(try isShared(second))
        #expect(service.stages.count { $0 == "open" } == 2)
        // Whoever keeps the session looks at it when anything happens to it.
        first.close()
        try await wait { waiting.allSatisfy { KeptSessionProcesses.state(of: $0) == nil } }
        _ = try await processes.waiting()
        // Those that were made for them are not taken for others that stand still.
        #expect(helper.log.split(separator: "stood still and are ended").count == 2)
        let (third, _) = try connect(helper)
        try order(third, service)
        #expect(try isShared(third))
        #expect(service.stages.count { $0 == "open" } == 2)
        for client in [second, third] { client.close() }
    }

    @Test("ends one hand-over alone where the process that takes it cannot read it", arguments: [0, 3])
    func unreadable(_ room: Int) async throws {
        let (service, helper) = try started()
        let (first, _) = try connect(helper)
        try order(first, service)
        #expect(try isShared(first))
        let processes = try KeptSessionProcesses(service)
        let both = try await processes.waiting()
        let waiting = try #require(both.first)
        try await KeptSessionProcesses.stop(Array(both.dropFirst()))
        // Room for the three descriptors that come with the message, and none for those of the job; or for none of them.
        let free = (OwnedDescriptor.lowest...).lazy
            .filter { !exists(FilePath("/proc/\(waiting)/fd/\($0)")) }.prefix(room + 1)
        let limit = try #require(Array(free).last)
        var former: UInt64 = 0
        try #require(unsafe limit_open_files(waiting, UInt64(limit), &former) == 0)
        let (second, _) = try connect(helper)
        try order(second, service)
        let reply = try second.reply()
        if room == 0 {
            // Nobody has it: it is launched after all, and joins the session once more.
            #expect(reply.isStart)
            try await wait { helper.log.contains("is lost") }
        } else if case .message(.failed(let report)) = reply {
            #expect(report.code == .sessionFailed)
            #expect(report.operationText.contains("no descriptors left"))
        } else {
            Issue.record("the job was not refused: \(reply)")
        }
        for process in both { _ = kill(process, SIGCONT) }
        let (third, _) = try connect(helper)
        try order(third, service)
        #expect(try isShared(third))
        #expect(processes.withJobs.count == (room == 0 ? 3 : 2))
        #expect(service.stages.count { $0 == "open" } == 1)
        #expect(!hasReply(first))
        for client in [first, second, third] { client.close() }
    }

    @Test("has the job back that was on its way when the process that kept it was killed")
    func keeperIsKilled() async throws {
        let (service, helper) = try started()
        let processes = try await stopped(helper, service)
        let (client, process) = try connect(helper)
        try order(client, service)
        try await wait { KeptSessionProcesses.waitsForOthers(process) }
        #expect(kill(processes.keeper, SIGKILL) == 0)
        try #require(try await isSoon { hasReply(client) })
        // It has opened another one.
        #expect(try isShared(client))
        #expect(try await join(helper, service))
        #expect(service.stages.count { $0 == "open" } == 2)
        client.close()
    }

    @Test(
        "goes on where a message that nobody stands behind any more is one that nobody can let go of",
        .enabled(if: TestBed.hasMachineRoot, mounts)
    )
    func heldMessage() async throws {
        let (page, pipe, holder) = try await held()
        let (service, helper) = try started()
        let processes = try await stopped(helper, service)
        let (client, process) = try connect(helper)
        try order(client, service, with: [pipe])
        try await wait { KeptSessionProcesses.waitsForOthers(process) }
        pipe.closeNow()
        #expect(kill(process, SIGKILL) == 0)
        // What it has offered can be taken until the first process has seen to its end.
        try await wait { helper.log.contains("process \(process) of the helper ended") }
        processes.goOn()
        try await wait { processes.children.contains { KeptSessionProcesses.hangs($0) } }
        let (next, _) = try connect(helper)
        try order(next, service)
        try #require(try await isSoon { hasReply(next) })
        #expect(try isShared(next))
        #expect(service.stages.count { $0 == "open" } == 1)
        page.release()
        _ = try await holder.exitReport()
    }

    @Test(
        "is closed also where a process of it stands still over what a daemon has sent",
        .enabled(if: TestBed.hasMachineRoot, mounts)
    )
    func heldDescriptor() async throws {
        let (page, pipe, holder) = try await held()
        let (service, helper) = try started()
        #expect(try await join(helper, service))
        let processes = try KeptSessionProcesses(service)
        try service.become(scripted: "account:wait=GATE", "account:return=13")
        let (client, process) = try connect(helper)
        try order(client, service, with: [pipe])
        let file = try OpenFile(pipe: pipe)
        pipe.closeNow()
        try await wait { KeptSessionProcesses.state(of: process) == nil }
        // What that process closes in another one it may not have closed yet when it has gone, and that one would stand still.
        try await wait { processes.children.contains { file.holders.subtracting([holder.processID.rawValue]) == [$0] } }
        try service.openGate()
        try await wait { processes.children.contains { KeptSessionProcesses.hangs($0) } }
        #expect(kill(processes.keeper, SIGTERM) == 0)
        // After the time that jobs have for their end, and a killed process for its own: 28 seconds.
        try await service.waitForClose()
        #expect(service.stages.suffix(2) == ["close", "uncred"])
        page.release()
        _ = try await holder.exitReport()
        client.close()
    }

    // MARK: Opening and closing

    @Test("that fails is opened side by side by those who have waited for it")
    func waitingInVain() async throws {
        let service = try PAMService(scripted: "open:wait=GATE", "open:return=14")
        let helper = try RunningHelper(policy: policy(service))
        let all = try (0..<4).map { _ in try connect(helper) }
        try order(all[0].client, service)
        try await wait { service.stages.contains("open") }
        for (client, process) in all.dropFirst() {
            try order(client, service)
            try await wait { KeptSessionProcesses.waitsForOthers(process) }
        }
        let gate = freshPath("gate")
        try service.become(scripted: "open:wait=\(gate)", "open:return=14")
        try service.openGate()
        #expect(try await isSoon { service.stages.count { $0 == "open" } == 4 })
        try writeFile("", to: gate)
        for (client, _) in all {
            guard case .message(.failed(let report)) = try client.reply() else {
                Issue.record("the job was started")
                continue
            }
            #expect(report.code == .sessionFailed)
        }
    }

    @Test("delays one job alone by being opened slowly: those after it have another one")
    func openingSlowly() async throws {
        let service = try PAMService(scripted: "open:wait=GATE")
        let helper = try RunningHelper(policy: policy(service))
        let (first, _) = try connect(helper)
        try order(first, service)
        try await wait { service.stages.contains("open") }
        try service.become(scripted: "*:info=x")
        var clients: [RawClient] = []
        for (milliseconds, sharesSession) in [(6_000, false), (300_000, true), (300_000, true)] as [(UInt32, Bool)] {
            let (client, _) = try connect(helper)
            try order(client, service, within: milliseconds)
            // Half of its time would be two and a half minutes.
            try #require(try await isSoon(within: .seconds(50)) { hasReply(client) })
            #expect(try isShared(client) == sharesSession)
            clients.append(client)
        }
        #expect(service.stages.count { $0 == "open" } == 3)
        try service.openGate()
        #expect(try isShared(first))
        for client in clients + [first] { client.close() }
    }

    @Test("is not kept waiting by a password that does not come")
    func openPipe() async throws {
        let service = try PAMService(scripted: "auth:expect=right")
        let helper = try RunningHelper(policy: policy(service))
        let ends = try FileDescriptor.pipe()
        let (client, _) = try connect(helper)
        try order(client, service, password: try OwnedDescriptor(moving: ends.readEnd.rawValue))
        let passwords = try await store("right", for: TestBed.alice)
        let launcher = PAMLauncher(helper, service, .password(from: passwords), sessions: Self.long)
        var command = Command(.path("/bin/true"))
        command.startDeadline = ample
        let exit = try await inTime { [command] in
            try await launcher.launch(command, as: TestBed.alice.identity).exitReport().status
        }
        #expect(exit == .exited(0))
        try ends.writeEnd.close()
        client.close()
    }

    @Test("loses no job that comes just when it is closed")
    func closing() async throws {
        let (service, helper) = try started()
        let launcher = PAMLauncher(helper, service, sessions: .shared(idleTime: .milliseconds(1)))
        let alice = try await TestBed.alice.identity
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    for _ in 0..<60 {
                        let process = try await launcher.launch(patient(Command(.path("/bin/true"))), as: alice)
                        #expect(try await process.exitReport().status == .exited(0))
                    }
                }
            }
            try await group.waitForAll()
        }
        try await wait { service.stages.count { $0 == "uncred" } == service.stages.count { $0 == "cred" } }
        #expect(service.stages.count { $0 == "open" } == service.stages.count { $0 == "close" })
        #expect(service.stages.count { $0 == "account" } == 180)
    }

    @Test("is not where a module has taken away what those need who look after later jobs")
    func lockedMemory() async throws {
        let service = try PAMService(scripted: "auth:expect=right", "open:limit=8/0/0")
        let helper = try RunningHelper(.packaged, policy: policy(service))
        let passwords = try await store("right", for: TestBed.alice)
        let launcher = PAMLauncher(helper, service, .password(from: passwords), sessions: Self.long)
        for _ in 0..<2 {
            let result = try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
            #expect(result.exit.status == .exited(0))
            #expect(result.process.report.session?.isShared == false)
        }
    }

    @Test("leaves places for the daemons of others")
    func places() async throws {
        let (service, helper) = try started()
        let launcher = PAMLauncher(helper, service, sessions: Self.long)
        var shared = 0
        for mask in 0..<28 {
            var command = Command(.path("/bin/true"))
            command.fileModeCreationMask = FilePermissions(rawValue: CInterop.Mode(mask))
            let result = try await run(command, as: TestBed.alice.identity, launcher)
            shared += result.process.report.session?.isShared == true ? 1 : 0
        }
        #expect(shared == 24)
        await #expect(processExitsWith: .success) {
            [socket = helper.socket.string as String, name = service.name as String] in
            becomeUnprivilegedDaemon()
            let launcher = PAMLauncher(
                through: SystemHelperLauncher(socket: FilePath(socket)),
                service: name,
                sessions: .shared(idleTime: .seconds(3_600))
            )
            let command = patient(Command(.path("/bin/true")))
            let process = try await launcher.launch(command, as: TestBed.alice.identity)
            try #require(process.report.session?.isShared == true)
            _ = try await process.exitReport()
        }
    }
}
