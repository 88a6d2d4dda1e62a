import CLaunchProtocol
import Glibc
package import LaunchPlan
import SystemPackage

/// One end of a connection that carries frames: a socket of `AF_UNIX` and `SOCK_SEQPACKET` (`unix(7)`).
///
/// Nothing here waits: a caller polls ``descriptor`` and comes again. No call raises `SIGPIPE`. Each frame is one
/// message, so several threads may send; one receives.
package struct FrameSocket: Sendable {
    /// What one attempt to send came to.
    package enum Sending: Hashable, Sendable {
        /// The frame is with the kernel, and so are its descriptors.
        case sent

        /// The socket has no room; try again when it can be written to.
        case full
    }

    /// What one attempt to receive came to.
    package enum Receiving: Sendable {
        case frame(ReceivedFrame)

        /// Nothing is there; try again when it can be read from.
        case empty

        /// The peer has closed its end.
        case end

        /// The peer has closed its end and left something unread; what it has sent itself comes behind that.
        case reset
    }

    /// The socket, to poll it and to ask who the peer is.
    package let descriptor: OwnedDescriptor

    /// Takes a connected socket over.
    ///
    /// - Parameter descriptor: The socket.
    package init(_ descriptor: OwnedDescriptor) {
        self.descriptor = descriptor
    }

    /// Makes two sockets that are connected with each other, both close-on-exec.
    ///
    /// - Returns: The two ends.
    /// - Throws: ``FrameSocketError`` with the `Errno` of `socketpair(2)` or `fcntl(2)`.
    package static func pair() throws(FrameSocketError) -> (FrameSocket, FrameSocket) {
        var ends: [2 of Int32] = [-1, -1]
        let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let result = unsafe withUnsafeMutableBytes(of: &ends) { buffer in
            unsafe socketpair(AF_UNIX, type, 0, buffer.bindMemory(to: Int32.self).baseAddress)
        }
        guard result == 0 else { throw FrameSocketError(.systemCall, errno: Errno(rawValue: errno)) }
        let moved = owning([ends[0], ends[1]])
        guard let moved else { throw FrameSocketError(.systemCall, errno: .tooManyOpenFiles) }
        return (FrameSocket(moved[0]), FrameSocket(moved[1]))
    }

    /// Sends a frame with its descriptors (`sendmsg(2)`), which stay open here.
    ///
    /// - Parameter frame: The frame.
    /// - Returns: Whether it went.
    /// - Throws: ``FrameSocketError``; nothing of the frame has gone then.
    package func send(_ frame: OutgoingFrame) throws(FrameSocketError) -> Sending {
        let numbers = frame.descriptors.map(\.rawValue)
        guard !numbers.contains(-1) else { throw FrameSocketError(.wrongDescriptors) }
        let result = unsafe frame.bytes.withUnsafeBytes { bytes in
            unsafe numbers.withUnsafeBufferPointer { numbers in
                descriptor.withOpen { socket in
                    unsafe frame_send(socket, bytes.baseAddress, bytes.count, numbers.baseAddress, numbers.count)
                }
            }
        }
        switch Errno(rawValue: -result) {
        case Errno(rawValue: 0): return .sent
        case .wouldBlock, .resourceTemporarilyUnavailable, .noBufferSpace: return .full
        case .brokenPipe, .connectionReset, .socketNotConnected: throw FrameSocketError(.connectionClosed)
        case let error: throw FrameSocketError(.systemCall, errno: error)
        }
    }

    /// Receives a frame with its descriptors (`recvmsg(2)`), all of them close-on-exec.
    ///
    /// - Parameter takesDescriptors: Whether a frame may bring some; otherwise one that does is an error.
    /// - Returns: What came, not looked into yet.
    /// - Throws: ``FrameSocketError``; every descriptor that came is closed then.
    package func receive(takingDescriptors takesDescriptors: Bool = true) throws(FrameSocketError) -> Receiving {
        var received = frame_received()
        var result: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: ProtocolLimits.frameSize) { buffer, count in
            result = descriptor.withOpen { socket in
                unsafe frame_receive(
                    socket,
                    buffer.baseAddress,
                    buffer.count,
                    takesDescriptors ? 1 : 0,
                    &received
                )
            }
            count = received.size
        }
        switch Errno(rawValue: -result) {
        case Errno(rawValue: 0): break
        case .wouldBlock, .resourceTemporarilyUnavailable: return .empty
        case .connectionReset: return .reset
        case let error: throw FrameSocketError(.systemCall, errno: error)
        }
        let numbers = unsafe withUnsafeBytes(of: received.descriptors) { descriptors in
            (0..<received.count)
                .map { index in
                    unsafe descriptors.load(fromByteOffset: index * MemoryLayout<Int32>.stride, as: Int32.self)
                }
        }
        // Before anything else is looked at: from here on they close by themselves.
        let owned = Self.owning(numbers)
        guard received.cut_off == 0 else { throw FrameSocketError(.cutOff) }
        guard let descriptors = owned else { throw FrameSocketError(.systemCall, errno: .tooManyOpenFiles) }
        guard received.unknown == 0 else { throw FrameSocketError(.unexpectedData) }
        guard !bytes.isEmpty else {
            // The end of the connection; a message of no bytes looks the same and is none either.
            guard descriptors.isEmpty else { throw FrameSocketError(.unexpectedData) }
            return .end
        }
        return .frame(ReceivedFrame(bytes: bytes, descriptors: descriptors))
    }

    /// Moves descriptors above the places of a child's own; all of them are closed when one cannot be moved.
    private static func owning(_ numbers: [Int32]) -> [OwnedDescriptor]? {
        var moved: [OwnedDescriptor] = []
        for number in numbers {
            // One that cannot be moved is closed by the attempt; the others still have to be taken.
            if let descriptor = try? OwnedDescriptor(moving: number) { moved.append(descriptor) }
        }
        return moved.count == numbers.count ? moved : nil
    }
}
