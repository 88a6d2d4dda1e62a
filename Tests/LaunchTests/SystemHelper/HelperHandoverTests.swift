import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan
@testable import LaunchProtocol

@Suite("A kept job of the helper that is not handed over", .testBed)
struct HelperHandoverTests {
    private func adoptionError(_ reference: JobReference, _ helper: RunningHelper) async throws -> LaunchError {
        let helper = SystemHelperLauncher(
            socket: helper.socket,
            helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
        )
        let error = await #expect(throws: LaunchError.self) {
            try await helper.adopt(reference, as: TestBed.alice.identity)
        }
        return try #require(error)
    }

    private func end(_ process: LaunchedProcess) async throws {
        let exit = try await process.terminate(gracePeriod: .seconds(60))
        #expect(exit.status == .signaled(.terminate, coreDumped: false))
    }

    @Test("because another daemon has it is not told as ended, and is taken over after that one")
    func held() async throws {
        let helper = try RunningHelper.keepingJobs()
        let reference = try await helper.leaveJob()
        let other = try RawClient(FilePath(try #require(reference.adoptionSocket)))
        try other.tell(.adopt(AdoptionRequest(reference)))
        #expect(try other.reply().isStart)
        let error = try await adoptionError(reference, helper)
        #expect(error.code == .deadlineExceeded)
        #expect(error.message.contains("another daemon still has the job"), "\(error)")
        #expect(error.message.contains("the job is as it was"), "\(error)")
        other.close()
        try await end(try await helper.launcher.adopt(reference, as: TestBed.alice.identity))
    }

    @Test(
        "because its process of the helper stands still is not told as ended, and its end is not lost",
        arguments: [false, true]
    )
    func stopped(_ hasEnded: Bool) async throws {
        let helper = try RunningHelper.keepingJobs()
        let reference = try await helper.leaveJob()
        let monitor = try ProcessStat(of: reference.processID).parent
        try #require(kill(monitor, SIGSTOP) == 0)
        defer { kill(monitor, SIGCONT) }
        if hasEnded {
            try #require(kill(reference.processID, SIGKILL) == 0)
            try await wait { ProcessStart.time(of: reference.processID) == nil }
        }
        let error = try await adoptionError(reference, helper)
        #expect(error.code == .deadlineExceeded)
        #expect(error.message.contains("stands still"), "\(error)")
        #expect(error.message.contains("its first process has ended, and how is told") == hasEnded, "\(error)")
        try #require(kill(monitor, SIGCONT) == 0)
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        guard hasEnded else { return try await end(process) }
        #expect(try await process.exitReport().status == .signaled(.kill, coreDumped: false))
    }

    @Test(
        "for strangers who fill its queue is handed over once nobody has it any more",
        arguments: RunningHelper.Privileges.allCases
    )
    func strangers(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper.keepingJobs(privileges)
        let reference = try await helper.leaveJob()
        let socket = try #require(reference.adoptionSocket)
        let other = try RawClient(FilePath(socket))
        try other.tell(.adopt(AdoptionRequest(reference)))
        #expect(try other.reply().isStart)
        let isRoot = privileges == .root
        await #expect(processExitsWith: .success) { [socket = socket as String, isRoot = isRoot as Bool] in
            becomeUnprivilegedDaemon()
            // What has connected stays in the queue when it has gone.
            var full = Errno.ioError
            for _ in 0..<100 {
                do throws(Errno) {
                    _ = try FrameSocket(connectingTo: FilePath(socket))
                } catch {
                    full = error
                    break
                }
            }
            #expect(full == (isRoot ? .permissionDenied : .resourceTemporarilyUnavailable))
        }
        #expect(try await adoptionError(reference, helper).code == .deadlineExceeded)
        other.close()
        let launcher = SystemHelperLauncher(
            socket: helper.socket,
            helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
        )
        try await end(try await launcher.adopt(reference, as: TestBed.alice.identity))
        #expect(isRoot || helper.log.contains("asked for a job of user id 0"))
    }

    @Test("to another account keeps its end for its own, and so one of another process")
    func anotherAccount() async throws {
        let helper = try RunningHelper.keepingJobs()
        let go = freshPath("go")
        let script = "while ! [ -e \(go) ]; do sleep 0.01; done; exit 7"
        let reference = try await helper.leaveJob("/bin/sh", ["-c", script])
        try writeFile("", to: go)
        try await wait { ProcessStart.time(of: reference.processID) == nil }
        let stranger = await #expect(throws: LaunchError.self) {
            try await helper.launcher.adopt(reference, as: TestBed.bob.identity)
        }
        #expect(stranger?.code == .verificationFailed)
        let difference = "launched as user id \(TestBed.alice.userID), and not as \(TestBed.bob.userID)"
        #expect(stranger?.message.contains(difference) == true, "\(stranger)")
        var other = reference
        other.processID += 1
        let mistake = try await adoptionError(other, helper)
        #expect(mistake.code == .verificationFailed)
        #expect(mistake.message.contains("it is process \(reference.processID)"), "\(mistake)")
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(try await process.exitReport().status == .exited(7))
    }

    @Test("whose end a daemon was told that has gone before it has read that is told to the next one")
    func unread() async throws {
        let helper = try RunningHelper.keepingJobs()
        let go = freshPath("go")
        let script = "while ! [ -e \(go) ]; do sleep 0.01; done; exit 7"
        let reference = try await helper.leaveJob("/bin/sh", ["-c", script])
        try writeFile("", to: go)
        try await wait { ProcessStart.time(of: reference.processID) == nil }
        let other = try RawClient(FilePath(try #require(reference.adoptionSocket)))
        try other.tell(.adopt(AdoptionRequest(reference)))
        #expect(try other.reply().isStart)
        // What comes next is the end.
        var event = pollfd(fd: other.socket.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        try #require(unsafe poll(&event, 1, 60_000) == 1)
        other.close()
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(try await process.exitReport().status == .exited(7))
    }

    @Test("that has ended leaves its place to another job, though its daemon does not read that")
    func unreadPlace() async throws {
        let helper = try RunningHelper.keepingJobs(policy: ["maximum-jobs = 1"])
        let go = freshPath("go")
        let script = "while ! [ -e \(go) ]; do sleep 0.01; done; exit 7"
        let reference = try await helper.leaveJob("/bin/sh", ["-c", script])
        let other = try RawClient(FilePath(try #require(reference.adoptionSocket)))
        try other.tell(.adopt(AdoptionRequest(reference)))
        #expect(try other.reply().isStart)
        let person = try await TestBed.alice.identity
        let command = patient(Command(.path("/bin/true")))
        #expect(try await launchError(command, as: person, helper.launcher).code == .refused)
        try writeFile("", to: go)
        var event = pollfd(fd: other.socket.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        try #require(unsafe poll(&event, 1, 60_000) == 1)
        let next = try await helper.launcher.launch(command, as: person)
        #expect(try await next.exitReport().status == .exited(0))
        other.close()
        let process = try await helper.launcher.adopt(reference, as: person)
        #expect(try await process.exitReport().status == .exited(7))
    }

    @Test("because no socket could be made for it is told of in the helper's log")
    func socketless() async throws {
        let adoptions = try RunningHelper.makeAdoptionDirectory()
        let helper = try RunningHelper.keepingJobs(in: adoptions)
        try #require(unsafe rmdir(adoptions.string) == 0)
        let reference = try await helper.leaveJob()
        #expect(reference.adoptionSocket == nil)
        #expect(helper.log.contains("cannot be taken over by the next one: no socket can be made in \(adoptions)"))
        #expect(try await adoptionError(reference, helper).code == .unsuitableBackend)
        #expect(kill(reference.processID, SIGKILL) == 0)
    }

    @Test("before its helper was started anew is handed over after that", arguments: [SIGTERM, SIGKILL])
    func restarted(_ signal: Int32) async throws {
        let adoptions = try RunningHelper.makeAdoptionDirectory()
        let former = try RunningHelper.keepingJobs(in: adoptions)
        let reference = try await former.leaveJob()
        former.stop(signal)
        // Its socket is there once it was killed, and nobody listens.
        #expect(exists(former.socket) == (signal == SIGKILL))
        let helper = try RunningHelper.keepingJobs(in: adoptions, at: former.socket)
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(process.processID.rawValue == reference.processID)
        let next = try await helper.launcher.launch(
            patient(Command(.path("/bin/true"))),
            as: TestBed.alice.identity
        )
        #expect(try await next.exitReport().status == .exited(0))
        try await end(process)
    }
}
