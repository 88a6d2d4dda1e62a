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
            command.startDeadline = .seconds(60)
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
        for _ in 0..<3 { try await expectService(helper) }
        flood.cancel()
        await flood.value
        // Not a line for each of them.
        #expect(helper.log.split(separator: "\n").count < 500)
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
