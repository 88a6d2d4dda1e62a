import LaunchPlan
import LaunchProtocol
import SystemPackage

/// A connection to the system helper, made for one job.
struct HelperConnection {
    let socket: FrameSocket

    /// The number that the job has on its connection.
    static let sequence: UInt64 = 1

    /// How long it waits between two attempts to get into a queue that is full.
    ///
    /// The queue has room for a moment whenever the helper takes somebody out of it, and others who wait do not sleep: who
    /// knocks more rarely stays outside.
    private static let pause = Duration.milliseconds(1)

    /// Connects, and makes sure of who listens.
    ///
    /// - Parameters:
    ///   - path: Where.
    ///   - userIDs: The user ids that the helper may have.
    ///   - deadline: When the attempt ends at the latest.
    ///   - failures: Makes the errors.
    /// - Throws: ``LaunchError``.
    init(
        to path: FilePath,
        of userIDs: Set<UserID>,
        until deadline: ContinuousClock.Instant,
        _ failures: LaunchFailureReporter
    ) async throws(LaunchError) {
        while true {
            do throws(Errno) {
                socket = try FrameSocket(connectingTo: path)
                break
            } catch {
                // Everybody who may connect can fill the queue for a moment.
                guard error == .resourceTemporarilyUnavailable, .now + Self.pause < deadline else {
                    throw failures.failure(.helperUnavailable, .connect, error, Self.describe(error, path))
                }
            }
            do {
                try await Task.sleep(for: Self.pause)
            } catch {
                throw failures.cancelled()
            }
        }
        let user = try failures.performing(.connect) { [socket] () throws(Errno) in try socket.peerUserID() }
        guard userIDs.contains(UserID(rawValue: user)) else {
            throw failures.failure(
                .helperUnavailable,
                .connect,
                nil,
                "what listens at \(path) runs as user id \(user), which is not the helper's; look at who can write to its "
                    + "directory, or name that user id when the launcher is made"
            )
        }
    }

    /// Writes a message.
    ///
    /// - Throws: What the helper would refuse to read.
    static func encode(
        _ message: ClientMessage,
        descriptors: [OwnedDescriptor] = []
    ) throws(FrameError) -> EncodedFrame {
        try ClientFrame(sequence: sequence, message: message, descriptors: descriptors).encoded()
    }

    /// Sends a message that was written.
    ///
    /// - Throws: `Errno`; `brokenPipe` when the helper is gone.
    func send(_ frame: EncodedFrame, descriptors: [OwnedDescriptor] = []) throws(Errno) {
        do throws(FrameSocketError) {
            guard try socket.send(OutgoingFrame(frame, descriptors: descriptors)) == .sent else {
                throw FrameSocketError(.systemCall, errno: .resourceTemporarilyUnavailable)
            }
        } catch {
            throw error.errno ?? .brokenPipe
        }
    }

    /// Sends a message that brings nothing along.
    ///
    /// - Throws: `Errno`; `brokenPipe` when the helper is gone, `invalidArgument` when it would not read the message.
    func send(_ message: ClientMessage) throws(Errno) {
        let frame: EncodedFrame
        do throws(FrameError) {
            frame = try Self.encode(message)
        } catch {
            throw .invalidArgument
        }
        try send(frame)
    }

    /// What one attempt to receive came to.
    enum Reply: Sendable {
        case message(HelperMessage, [OwnedDescriptor])
        case nothing
        /// The helper speaks this version of the protocol, which is not this library's.
        case otherVersion(UInt16)
        /// The helper is gone, or sends what is no frame.
        case end
    }

    /// Receives a message, if one is there.
    ///
    /// A helper that goes without having read everything is told of first (`ECONNRESET`), and what it has said before comes
    /// behind that.
    func receive() -> Reply {
        let reply = receiveOnce()
        guard case .end = reply else { return reply }
        let words = receiveOnce()
        return if case .nothing = words { .end } else { words }
    }

    private func receiveOnce() -> Reply {
        guard let received = try? socket.receive() else { return .end }
        switch received {
        case .empty: return .nothing
        case .end, .reset: return .end
        case .frame(let received):
            guard let frame = try? HelperFrame(decoding: received) else {
                return received.foreignVersion.map { .otherVersion($0) } ?? .end
            }
            if case .welcome(let welcome) = frame.message, welcome.version != FrameHeader.version {
                return .otherVersion(welcome.version)
            }
            return .message(frame.message, frame.descriptors)
        }
    }

    private static func describe(_ error: Errno, _ path: FilePath) -> String {
        switch error {
        case .noSuchFileOrDirectory, .connectionRefused:
            "no system helper listens at \(path); start impersonation-helper, or name its socket"
        case .permissionDenied:
            "the daemon may not connect to \(path); put its account into the group of the socket, or change its mode"
        case .resourceTemporarilyUnavailable:
            "the system helper did not accept a connection at \(path) in time; look at its load and its limits"
        default:
            "the system helper at \(path) cannot be reached; look at the path and at the helper"
        }
    }
}

extension LaunchFailureReporter {
    /// The error for a helper that speaks another version of the protocol; nothing was run, and nothing was taken over.
    func speaks(_ version: UInt16) -> LaunchError {
        let both = "speaks version \(version) of the protocol, and this library version \(FrameHeader.version)"
        return failure(
            .helperUnavailable,
            .connect,
            nil,
            isOfAdoption
                ? "the process of the system helper that looks after the job \(both); the job is left as it was: take it over with a "
                    + "daemon that has the library of its helper, or end it by hand, as root"
                : "the system helper \(both); install the same version of both, and restart what still runs from before an upgrade"
        )
    }
}
