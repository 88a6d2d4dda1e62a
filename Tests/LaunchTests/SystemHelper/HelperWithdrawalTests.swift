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

    @Test("one that stands still delays nobody, and is given up in its time")
    func stalled() async throws {
        let (helper, lease, held) = try heldUp()
        var stalled = held
        stalled.startDeadline = .milliseconds(700)
        let person = try await TestBed.alice.identity
        let helpers = helper.launcher
        let waiting = Task { [stalled] in try await launchError(stalled, as: person, helpers) }
        for _ in 0..<20 {
            let result = try await run(Command(.path("/bin/true")), as: person, helper.launcher)
            #expect(result.exit.status == .exited(0))
        }
        #expect(try await waiting.value.code == .deadlineExceeded)
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

    /// A socket that something else than a helper listens at.
    private func listen(at path: FilePath) throws -> OwnedDescriptor {
        let descriptor = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { place in
            precondition(path.string.utf8.count < place.count)
            unsafe place.copyBytes(from: path.string.utf8)
        }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, size) }
        }
        try #require(result == 0 && Glibc.listen(descriptor, 8) == 0)
        return try OwnedDescriptor(moving: descriptor)
    }

    @Test("one that comes when the helper takes no descriptors any more is told what that has said before")
    func takesNothing() async throws {
        let path = freshPath("socket")
        let listener = try listen(at: path)
        let person = try await TestBed.alice.identity
        let launch = Task {
            try await launchError(Command(.path("/bin/true")), as: person, SystemHelperLauncher(socket: path))
        }
        let deadline = ContinuousClock.now + ample
        var accepted: Int32 = -1
        while accepted < 0, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(1))
            accepted = accept(listener.rawValue, nil, nil)
        }
        if accepted < 0 { Issue.record("nobody has connected: \(try await launch.value)") }
        let helper = FrameSocket(try OwnedDescriptor(moving: accepted))
        while case .empty = try helper.receive(), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(1))
        }
        helper.takeDescriptors(false)
        let welcome = HelperMessage.welcome(
            Welcome(version: FrameHeader.version, helperProcessID: getpid(), features: [])
        )
        for message in [welcome, .refused(Refusal(reason: "too-late", message: "said before"))] {
            let frame = HelperFrame(sequence: 1, message: message, descriptors: [])
            _ = try helper.send(OutgoingFrame(try frame.encoded()))
        }
        let error = try await launch.value
        #expect(error.code == .refused && error.description.contains("said before"), "\(error)")
    }
}
