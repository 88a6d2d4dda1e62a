import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan
@testable import LaunchProtocol

@Suite("A daemon and a helper that speak two versions of the protocol", .testBed)
struct HelperVersionTests {
    /// What a helper says that speaks another one.
    enum Words: CaseIterable, Sendable {
        /// One of before a change, which cannot read the greeting.
        case refusal

        case welcome

        /// One that says so in a frame of this version.
        case welcomeInThisVersion

        func say(over connection: FrameSocket) throws {
            let welcome = Welcome(version: 1, helperProcessID: getpid(), features: [])
            switch self {
            case .refusal:
                let refusal = Refusal(reason: "frame", message: "version at byte 4 is another one")
                try FalseHelper.tell(.refused(refusal), inVersion: 1, over: connection)
            case .welcome: try FalseHelper.tell(.welcome(welcome), inVersion: 1, over: connection)
            case .welcomeInThisVersion: try FalseHelper.tell(.welcome(welcome), over: connection)
            }
        }
    }

    private static let both = "speaks version 1 of the protocol, and this library version \(FrameHeader.version)"

    @Test("have the launch say which ones", arguments: Words.allCases, [false, true])
    func launch(_ words: Words, hasRead: Bool) async throws {
        let path = freshPath("socket")
        let listener = try FalseHelper(at: path)
        let person = try await TestBed.alice.identity
        let launch = Task {
            try await launchError(Command(.path("/bin/true")), as: person, SystemHelperLauncher(socket: path))
        }
        let connection = try await listener.accept()
        // What is left unread makes an error of the end.
        if hasRead { _ = try await FalseHelper.next(on: connection) }
        try words.say(over: connection)
        connection.descriptor.closeNow()
        let error = try await launch.value
        #expect(error.code == .helperUnavailable)
        #expect(error.message.contains("the system helper \(Self.both); install the same version"), "\(error)")
    }

    @Test("leave a kept job of before an upgrade as it was, and say which ones")
    func adoption() async throws {
        let path = freshPath("socket")
        let listener = try FalseHelper(at: path)
        let person = try await TestBed.alice.identity
        let reference = JobReference(
            processID: getpid(),
            startTime: try #require(ProcessStart.time(of: getpid())),
            bootID: ProcessStart.bootID,
            adoptionSocket: path.string
        )
        let adoption = Task { () -> LaunchError? in
            await #expect(throws: LaunchError.self) {
                try await SystemHelperLauncher().adopt(reference, as: person)
            }
        }
        let connection = try await listener.accept()
        _ = try await FalseHelper.next(on: connection)
        try Words.refusal.say(over: connection)
        let error = await adoption.value
        #expect(error?.code == .helperUnavailable)
        #expect(error?.message.contains(Self.both) == true, "\(error)")
        #expect(error?.message.contains("the job is left as it was") == true, "\(error)")
    }

    /// The reason of what somebody is told who speaks a version, as he reads it.
    private func refusal(to client: RawClient, inVersion version: UInt16) async throws -> String? {
        var received: ReceivedFrame?
        try await wait {
            if case .frame(let frame) = try client.socket.receive() { received = frame }
            return received != nil
        }
        let frame = try #require(received)
        #expect(frame.foreignVersion == (version == FrameHeader.version ? nil : version))
        let own = ReceivedFrame(bytes: frame.bytes.of(version: FrameHeader.version), descriptors: [])
        guard case .refused(let refusal) = try HelperFrame(decoding: own).message else { return nil }
        return refusal.reason
    }

    @Test("stand in the log of the helper, which goes on serving", arguments: [1, FrameHeader.version + 1])
    func daemon(_ version: UInt16) async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let words =
            "speaks version \(version) of the protocol, and this process of the helper version \(FrameHeader.version)"
        let greeting = try ClientFrame(sequence: 7, message: .hello(version: version)).encoded().bytes
        for bytes in [greeting, greeting.of(version: version)] {
            let lines = helper.log.split(separator: "\n").filter { $0.contains(words) }.count
            let client = try RawClient(helper)
            #expect(client.send(bytes))
            let own = bytes == greeting ? FrameHeader.version : version
            #expect(try await refusal(to: client, inVersion: own) == "version")
            #expect(try client.reply().isEnd)
            #expect(helper.log.split(separator: "\n").filter { $0.contains(words) }.count == lines + 1)
        }
        #expect(try RawClient(helper).launch { _ in }.isStart)
    }

    @Test("stand in the log of the helper when a kept job is asked for, and that is kept")
    func daemonOfAKeptJob() async throws {
        let helper = try RunningHelper.keepingJobs()
        let reference = try await helper.leaveJob()
        let client = try RawClient(FilePath(try #require(reference.adoptionSocket)))
        let request = ClientMessage.adopt(AdoptionRequest(reference))
        #expect(client.send(try ClientFrame(sequence: 7, message: request).encoded().bytes.of(version: 1)))
        #expect(try await refusal(to: client, inVersion: 1) == "version")
        #expect(helper.log.contains("speaks version 1 of the protocol"))
        let process = try await helper.launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(
            try await process.terminate(gracePeriod: .seconds(60)).status == .signaled(.terminate, coreDumped: false)
        )
    }
}
