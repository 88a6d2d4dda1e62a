import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import LaunchProtocol

/// Something else than a helper that listens where one is expected, and says what a test wants it to.
struct FalseHelper {
    private let listener: OwnedDescriptor

    init(at path: FilePath) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_NONBLOCK.rawValue), 0)
        listener = try OwnedDescriptor(moving: descriptor)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { place in
            precondition(path.string.utf8.count < place.count)
            unsafe place.copyBytes(from: path.string.utf8)
        }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(listener.rawValue, $0, size)
            }
        }
        try #require(result == 0 && listen(listener.rawValue, 8) == 0)
    }

    /// Whoever connects next.
    func accept() async throws -> FrameSocket {
        var accepted: Int32 = -1
        try await wait {
            accepted = Glibc.accept(listener.rawValue, nil, nil)
            return accepted >= 0
        }
        return FrameSocket(try OwnedDescriptor(moving: accepted))
    }

    /// What he says next.
    static func next(on connection: FrameSocket) async throws -> ClientFrame {
        var received: ReceivedFrame?
        try await wait {
            if case .frame(let frame) = try connection.receive() { received = frame }
            return received != nil
        }
        return try ClientFrame(decoding: try #require(received))
    }

    static func welcome(_ connection: FrameSocket) throws {
        try tell(
            .welcome(Welcome(version: FrameHeader.version, helperProcessID: getpid(), features: [])),
            over: connection
        )
    }

    /// Says something, as one would that speaks a version of the protocol.
    static func tell(
        _ message: HelperMessage,
        _ descriptors: [OwnedDescriptor] = [],
        inVersion version: UInt16 = FrameHeader.version,
        over connection: FrameSocket
    ) throws {
        let frame = try HelperFrame(sequence: 1, message: message, descriptors: descriptors).encoded()
        _ = try connection.send(OutgoingFrame(bytes: frame.bytes.of(version: version), descriptors: descriptors))
    }
}

extension [UInt8] {
    /// The same frame in another version of the protocol.
    func of(version: UInt16) -> [UInt8] {
        var bytes = self
        FrameHeader.set(version: version, of: &bytes)
        return bytes
    }
}
