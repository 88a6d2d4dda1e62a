import CLaunchProtocol
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan
@testable import LaunchProtocol

@Suite("The system helper goes on serving", .testBed)
struct HelperHostilityTests {
    /// Proves that a daemon without any privilege can launch, in less time than any of the attacks would last.
    private func expectService(_ helper: RunningHelper) async throws {
        await #expect(processExitsWith: .success) { [socket = helper.socket.string as String] in
            becomeUnprivilegedDaemon()
            var command = Command(.path("/bin/true"))
            command.startDeadline = ample
            let process = try await SystemHelperLauncher(socket: FilePath(socket))
                .launch(command, as: TestBed.alice.identity)
            #expect(try await process.exitReport().status == .exited(0))
        }
    }

    @Test("when strangers send descriptors that take hours to be closed")
    func lingering() async throws {
        let helper = try RunningHelper()
        // A process that ends does not linger itself; what it has sent is the helper's to close.
        await #expect(processExitsWith: .exitCode(3)) { [socket = helper.socket.string as String] in
            for _ in 0..<12 {
                let client = try RawClient(FilePath(socket))
                let lingering = try Self.lingeringSocket().take()
                // It may have been sent away already.
                _ = unsafe [UInt8(0)]
                    .withUnsafeBytes {
                        unsafe frame_send(
                            client.socket.descriptor.rawValue,
                            $0.baseAddress,
                            1,
                            [lingering?.rawValue ?? -1],
                            1
                        )
                    }
            }
            _exit(3)
        }
        try await expectService(helper)
    }

    /// A connection whose other end reads nothing, with data on its way and an hour to wait for it (`SO_LINGER`).
    private static func lingeringSocket() throws -> OwnedDescriptor {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let listener = OwnedDescriptor(socket(AF_INET, type, 0))
        let sender = OwnedDescriptor(socket(AF_INET, type, 0))
        try unsafe withUnsafeMutablePointer(to: &address) { pointer in
            try unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                try #require(unsafe bind(listener.rawValue, address, size) == 0)
                try #require(unsafe getsockname(listener.rawValue, address, &size) == 0)
                try #require(listen(listener.rawValue, 1) == 0)
                try #require(unsafe connect(sender.rawValue, address, size) == 0)
            }
        }
        _ = listener.take()
        let bytes = [UInt8](repeating: 0, count: 1 << 16)
        while unsafe send(sender.rawValue, bytes, bytes.count, Int32(MSG_DONTWAIT)) > 0 {}
        var hours = linger(l_onoff: 1, l_linger: 3_600)
        let result = unsafe setsockopt(
            sender.rawValue,
            SOL_SOCKET,
            SO_LINGER,
            &hours,
            socklen_t(MemoryLayout<linger>.size)
        )
        try #require(result == 0)
        return sender
    }

    /// How many processes of the helper stand still in the kernel, and will for as long as the page does not come.
    private func standing(_ helper: RunningHelper) -> Int {
        helper.monitors.count { (try? ProcessStat(of: $0))?.state == UInt8(ascii: "D") }
    }

    /// Does something while no process of the helper that serves daemons runs.
    private func stopping(_ helper: RunningHelper, _ body: () throws -> Void) rethrows {
        let monitors = helper.monitors
        for monitor in monitors { kill(monitor, SIGSTOP) }
        defer { for monitor in monitors { kill(monitor, SIGCONT) } }
        try body()
    }

    @Test(
        "and ends jobs with their daemons that send what nobody can let go of",
        .enabled(if: TestBed.hasMachineRoot, "mounts a file system")
    )
    func heldBehindAnOrder() async throws {
        let page = try HeldPage(of: TestBed.alice)
        let (pipe, holder) = try await page.heldPipe()
        let helper = try RunningHelper(policy: ["peers = 0 \(RunningHelper.daemon)"])
        let note = freshPath("note")
        let client = try RawClient(helper)
        try client.greet()
        try stopping(helper) {
            try client.order {
                $0.executables = ["/bin/sh"]
                $0.arguments = ["sh", "-c", "echo $$ > \(note); exec sleep 100000"].map { Array($0.utf8) }
            }
            #expect(try client.smuggle(.withdraw, [pipe]))
            // It is on its way, so this is not the last that is let go of.
            pipe.closeNow()
        }
        let deadline = ContinuousClock.now + ample
        func job() -> pid_t? { (try? ProcFile.read(note)).flatMap { pid_t($0.prefix { $0 != "\n" }) } }
        while !helper.log.contains("sent what cannot be read"), standing(helper) == 0, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(2))
        }
        client.close()
        while !helper.jobs.isEmpty, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(2)) }
        #expect(helper.jobs == [])
        while job().map({ ProcessStart.time(of: $0) != nil }) ?? false, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(job().map { ProcessStart.time(of: $0) == nil } ?? true)
        try await expectService(helper)
        page.release()
        _ = try await holder.exitReport()
    }

    @Test(
        "when a daemon asks for nothing and sends what nobody can let go of: that counts as its jobs",
        .enabled(if: TestBed.hasMachineRoot, "mounts a file system")
    )
    func heldInsteadOfAnOrder() async throws {
        let page = try HeldPage(of: TestBed.alice)
        let (pipe, holder) = try await page.heldPipe()
        let helper = try RunningHelper(
            policy: ["peers = 0 \(RunningHelper.daemon)", "maximum-jobs-per-peer = 1", "maximum-jobs = 10"]
        )
        let client = try RawClient(helper)
        try client.greet()
        try stopping(helper) {
            try client.tell(.greeting)
            #expect(try client.smuggle(.greeting, [pipe]))
            // It is on its way, so this is not the last that is let go of.
            pipe.closeNow()
        }
        client.close()
        let deadline = ContinuousClock.now + ample
        while standing(helper) == 0, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(2)) }
        try await Task.sleep(for: .milliseconds(100))
        #expect(try RawClient(helper).greet().refusal == "too-many-jobs")
        try await expectService(helper)
        page.release()
        _ = try await holder.exitReport()
    }

    @Test("and ends jobs with the process that has ordered them, whoever holds its connection")
    func ownConnection() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let note = freshPath("note").string
        await #expect(processExitsWith: .exitCode(3)) {
            [socket = helper.socket.string as String, note = note as String] in
            let client = try RawClient(FilePath(socket))
            try client.greet()
            let own = try OwnedDescriptor(moving: fcntl(client.socket.descriptor.rawValue, F_DUPFD_CLOEXEC, 20))
            try client.order(with: [own]) {
                $0.executables = ["/bin/sh"]
                let script = "echo $$ > \(note).new; mv \(note).new \(note); exec sleep 100000"
                $0.arguments = ["sh", "-c", script].map { Array($0.utf8) }
            }
            #expect(try client.reply().isStart)
            while !exists(FilePath(note)) { usleep(1_000) }
            _exit(3)
        }
        let process = try #require(pid_t(try ProcFile.read(FilePath(note)).prefix { $0 != "\n" }))
        let deadline = ContinuousClock.now + ample
        while ProcessStart.time(of: process) != nil, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(ProcessStart.time(of: process) == nil)
    }

    @Test("after jobs that were kept have ended and nobody has asked how")
    func forgottenEnds() async throws {
        let adoptions = FilePath(TestBed.directory).appending("adoptions-forgotten")
        try #require(unsafe mkdir(adoptions.string, 0o755) == 0)
        let helper = try RunningHelper(
            policy: ["peers = 0", "when-daemon-ends = keep-allowed", "maximum-jobs = 2", "maximum-jobs-per-peer = 2"],
            arguments: ["--adoption-directory", adoptions.string]
        )
        for round in 0..<3 {
            let go = freshPath("go")
            await #expect(processExitsWith: .success) {
                [socket = helper.socket.string as String, go = go.string as String] in
                var command = patient(
                    Command(.path("/bin/sh"), arguments: ["-c", "until [ -e \(go) ]; do sleep 0.01; done"])
                )
                command.daemonEnd = .goOn
                let launcher = SystemHelperLauncher(socket: FilePath(socket))
                for _ in 0..<2 {
                    let process = try await launchAsAlice(command, waitingForRoom: launcher)
                    let reference = try #require(process.reference?.adoptionSocket)
                    var status = stat()
                    #expect(unsafe stat(reference, &status) == 0)
                    #expect(status.st_uid == 0)
                    #expect(status.st_mode & 0o777 == 0o600)
                }
            }
            // As many as there may be.
            #expect(try RawClient(helper).greet().refusal == "too-many-jobs", "\(round)")
            try FileDescriptor.open(go, .writeOnly, options: .create, permissions: .ownerRead).close()
            let deadline = ContinuousClock.now + ample
            var isServed = false
            while !isServed, ContinuousClock.now < deadline {
                isServed = try RawClient(helper).greet().refusal == nil
            }
            #expect(isServed, "\(round)")
        }
    }

    @Test("when nobody reads its messages", arguments: [true, false])
    func fullLog(_ isPipe: Bool) async throws {
        var ends: [2 of Int32] = [-1, -1]
        let made = unsafe withUnsafeMutableBytes(of: &ends) { buffer in
            let numbers = unsafe buffer.bindMemory(to: Int32.self).baseAddress
            guard isPipe else {
                return unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, numbers)
            }
            return unsafe pipe(numbers)
        }
        try #require(made == 0)
        let (reading, writing) = (OwnedDescriptor(ends[0]), OwnedDescriptor(ends[1]))
        let flags = fcntl(writing.rawValue, F_GETFL)
        try #require(fcntl(writing.rawValue, F_SETFL, flags | O_NONBLOCK) == 0)
        let bytes = [UInt8](repeating: 0x2E, count: 1 << 12)
        while unsafe write(writing.rawValue, bytes, bytes.count) > 0 {}
        while unsafe write(writing.rawValue, bytes, 1) > 0 {}
        try #require(fcntl(writing.rawValue, F_SETFL, flags) == 0)
        let helper = try RunningHelper(messagesTo: FileDescriptor(rawValue: writing.rawValue))
        let strangers = try (0..<12).map { _ in try RawClient(helper) }
        try await expectService(helper)
        #expect(helper.stop() == 0)
        withExtendedLifetime((reading, strangers)) {}
    }

    @Test("when a flood of strangers connects")
    func flood() async throws {
        let helper = try RunningHelper()
        let flood = Task.detached { [socket = helper.socket] in
            while !Task.isCancelled { _ = try? RawClient(socket) }
        }
        let begin = ContinuousClock.now
        for _ in 0..<3 { try await expectService(helper) }
        flood.cancel()
        await flood.value
        // Not a line for each of them, however long it took: ten in a second, and those that were counted at the same time.
        let seconds = Int((ContinuousClock.now - begin).components.seconds) + 2
        #expect(helper.log.split(separator: "\n").count < 20 * seconds)
    }

    @Test("and makes no process for each stranger, where the kernel takes nothing that strangers send")
    func cheapRefusals() throws {
        let helper = try RunningHelper()
        #expect(try RawClient(helper).greet().refusal == "peer-not-permitted")
        let first = try #require(helper.monitors.max())
        for _ in 0..<1_000 { #expect(try RawClient(helper).greet().refusal == "peer-not-permitted") }
        let socket = try FrameSocket(connectingTo: helper.socket)
        socket.takeDescriptors(false)
        guard socket_takes_descriptors(socket.descriptor.rawValue) == 0 else { return }
        // Numbers are given one after the other, and in the namespace of the bed nobody else makes so many.
        #expect(try #require(helper.monitors.max()) < first + 200)
    }

    @Test("and answers whoever comes next when the one process that waited has turned somebody away before")
    func serviceAfterRefusals() async throws {
        let policy = ["peers = 0", "maximum-jobs = 4", "maximum-jobs-per-peer = 2"]
        let helper = try RunningHelper(policy: policy, arguments: ["--parked", "1"])
        let launcher = SystemHelperLauncher(socket: helper.socket)
        let command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
        for _ in 0..<20 {
            var jobs = [
                try await launchAsAlice(command, waitingForRoom: launcher),
                try await launchAsAlice(command, waitingForRoom: launcher),
            ]
            #expect(try RawClient(helper).greet().refusal == "too-many-jobs")
            _ = try await jobs.removeFirst().terminate(gracePeriod: .zero)
            jobs.append(try await launchAsAlice(command, waitingForRoom: launcher))
            // Nobody else would wake who makes the process for this one.
            #expect(try RawClient(helper).greet().refusal == "too-many-jobs")
            for job in jobs { _ = try await job.terminate(gracePeriod: .zero) }
        }
    }

    @Test("after its supervisor was killed and a kept job has lived on: another one starts and serves")
    func restart() async throws {
        let policy = ["peers = 0 \(RunningHelper.daemon)", "when-daemon-ends = keep-allowed"]
        let helper = try RunningHelper(policy: policy)
        var command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
        command.daemonEnd = .goOn
        let process = try await SystemHelperLauncher(socket: helper.socket).launch(command, as: TestBed.alice.identity)
        try process.send(.resume)
        helper.stop(SIGKILL)
        let next = try RunningHelper(policy: policy, at: helper.socket)
        try await expectService(next)
        #expect(ProcessStart.time(of: process.processID.rawValue) != nil)
        #expect(
            try await process.terminate(gracePeriod: .seconds(60)).status == .signaled(.terminate, coreDumped: false)
        )
    }

    @Test("but does not begin in a place that others can write to, or beside another one")
    func places() async throws {
        let helper = try RunningHelper()
        #expect(throws: RunningHelper.HelperEnded.self) {
            try RunningHelper(at: helper.socket)
        }
        #expect(throws: RunningHelper.HelperEnded.self) {
            try RunningHelper(at: FilePath("\(TestBed.directory)/tmp/helper.sock"))
        }
        #expect(throws: RunningHelper.HelperEnded.self) {
            try RunningHelper(arguments: ["--adoption-directory", "/tmp"])
        }
        #expect(throws: RunningHelper.HelperEnded.self) { try RunningHelper(policy: ["peeers = 0"]) }
        #expect(throws: RunningHelper.HelperEnded.self) { try RunningHelper(arguments: ["--sockets"]) }
        try await expectService(helper)
    }
}
