import CLaunchProtocol
import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchProtocol

/// A daemon that speaks to the helper without the library's launcher, and may say what that never says.
final class RawClient {
    /// What came back.
    enum Reply {
        case message(HelperMessage)
        case end

        var isEnd: Bool {
            if case .end = self { true } else { false }
        }

        var isStart: Bool {
            if case .message(.started) = self { true } else { false }
        }

        /// The reason of a refusal.
        var refusal: String? {
            if case .message(.refused(let refusal)) = self { refusal.reason } else { nil }
        }
    }

    let socket: FrameSocket
    private var hasGreeted = false

    init(_ helper: RunningHelper) throws {
        socket = try FrameSocket(connectingTo: helper.socket)
    }

    init(_ path: FilePath) throws {
        socket = try FrameSocket(connectingTo: path)
    }

    /// Sends bytes as they are.
    func send(_ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { unsafe frame_send(socket.descriptor.rawValue, $0.baseAddress, $0.count, nil, 0) }
            == 0
    }

    /// Sends a message with descriptors that it has no place for.
    ///
    /// - Returns: Whether it went.
    func smuggle(_ message: ClientMessage, _ descriptors: [OwnedDescriptor]) throws -> Bool {
        let frame = try ClientFrame(sequence: 7, message: message).encoded()
        let outgoing = try OutgoingFrame(frame)
        let numbers = descriptors.map(\.rawValue)
        return unsafe outgoing.bytes.withUnsafeBytes { bytes in
            unsafe numbers.withUnsafeBufferPointer { numbers in
                unsafe frame_send(
                    socket.descriptor.rawValue,
                    bytes.baseAddress,
                    bytes.count,
                    numbers.baseAddress,
                    numbers.count
                )
            }
        } == 0
    }

    func tell(_ message: ClientMessage, _ descriptors: [OwnedDescriptor] = []) throws {
        let frame = try ClientFrame(sequence: 7, message: message, descriptors: descriptors).encoded()
        try #require(try socket.send(OutgoingFrame(frame, descriptors: descriptors)) == .sent)
    }

    /// Makes itself known; only then the helper takes descriptors.
    @discardableResult
    func greet() throws -> Reply {
        // One that sends this process away has said why before it went.
        try? tell(.greeting)
        hasGreeted = true
        return try reply()
    }

    /// Goes.
    func close() {
        socket.descriptor.closeNow()
    }

    /// Asks for the probe as alice, changed, and waits for the answer.
    func launch(_ change: (inout LaunchOrder) -> Void) throws -> Reply {
        if !hasGreeted {
            let greeting = try greet()
            guard case .message(.welcome) = greeting else { return greeting }
        }
        try order(change)
        return try reply()
    }

    /// Asks for the probe as alice, changed.
    ///
    /// - Parameters:
    ///   - extra: What the job has beside its standard streams.
    ///   - password: What comes behind all that.
    ///   - change: Changes the order.
    /// - Throws: When it cannot be sent.
    func order(
        with extra: [OwnedDescriptor] = [],
        password: OwnedDescriptor? = nil,
        _ change: (inout LaunchOrder) -> Void
    ) throws {
        var order = LaunchOrder(
            account: Array("alice".utf8),
            credentials: ChildPlan.Credentials(
                userID: TestBed.alice.userID,
                groupID: TestBed.alice.groupID,
                groups: TestBed.alice.groups
            ),
            executables: [FilePath(TestBed.probe)],
            arguments: [Array("probe".utf8)],
            environment: [],
            workingDirectory: "/",
            fileModeCreationMask: 0o022,
            noNewPrivileges: true,
            emptiesBoundingSet: true,
            startDeadlineMilliseconds: 5_000
        )
        change(&order)
        let streams = try order.descriptorTargets.map { _ in
            try OwnedDescriptor(moving: unsafe open("/dev/null", O_RDWR | O_CLOEXEC))
        }
        order.descriptorTargets += extra.indices.map { Int32(order.descriptorTargets.count + $0) }
        try tell(.launch(order), streams + extra + (password.map { [$0] } ?? []))
    }

    /// Waits for what comes next.
    func reply() throws -> Reply {
        while true {
            var event = pollfd(fd: socket.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
            try #require(unsafe poll(&event, 1, 60_000) == 1)
            switch try socket.receive() {
            case .empty: continue
            // What was said before the end comes behind that something was left unread.
            case .reset: continue
            case .end: return .end
            case .frame(let received): return .message(try HelperFrame(decoding: received).message)
            }
        }
    }
}

extension ClientMessage {
    /// What every daemon says first.
    static let greeting = ClientMessage.hello(version: FrameHeader.version)
}

extension AdoptionRequest {
    /// Asks for a job of alice's.
    init(_ reference: JobReference) {
        self.init(processID: reference.processID, userID: TestBed.alice.userID)
    }
}
