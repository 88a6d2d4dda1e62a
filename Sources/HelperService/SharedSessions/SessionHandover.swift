import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// A job on its way from the process that has its daemon to one that has its session.
///
/// The order itself goes in a connection of its own, as the daemon would send it, so that one message over the channel is all of
/// it: several processes wait there, and each message has one of them.
struct SessionHandover {
    let client: Monitor.Client
    let sequence: UInt64
    let order: LaunchOrder
    let descriptors: [OwnedDescriptor]
    /// The word of the table that goes with the job.
    let slot: Int

    /// Sends a job.
    ///
    /// - Parameters:
    ///   - channel: Where to.
    ///   - deadline: When it has to be there.
    /// - Throws: When it is not.
    func send(over channel: FrameSocket, until deadline: ContinuousClock.Instant) throws {
        let (near, far) = try FrameSocket.pair()
        let frame = ClientFrame(sequence: sequence, message: .launch(order), descriptors: descriptors)
        let outgoing = try OutgoingFrame(try frame.encoded(), descriptors: descriptors)
        guard try near.send(outgoing) == .sent else { throw FrameSocketError(.connectionClosed) }
        let connections = [far.descriptor, client.socket.descriptor] + (client.process.map { [$0] } ?? [])
        let word = (0..<8).map { UInt8(truncatingIfNeeded: slot >> (8 * $0)) }
        let message = OutgoingFrame(bytes: word, descriptors: connections)
        while try channel.send(message) == .full {
            guard ContinuousClock.now < deadline else { throw FrameSocketError(.connectionClosed) }
            // A channel that is full is read from soon; nothing tells when it is not any more.
            _ = Waiting.wait(for: [], until: .now + .milliseconds(1))
        }
    }

    /// Reads a job.
    ///
    /// - Parameter received: What came over the channel.
    /// - Throws: When it is none.
    init(_ received: ReceivedFrame) throws {
        guard (2...3).contains(received.descriptors.count) else { throw FrameSocketError(.unexpectedData) }
        guard let slot = Self.slot(in: received) else { throw FrameSocketError(.unexpectedData) }
        self.slot = slot
        let process = received.descriptors.count == 3 ? received.descriptors[2] : nil
        client = try Monitor.Client(takingOver: received.descriptors[1], of: process)
        guard case .frame(let parcel) = try FrameSocket(received.descriptors[0]).receive() else {
            throw FrameSocketError(.unexpectedData)
        }
        let frame = try ClientFrame(decoding: parcel)
        guard case .launch(let order) = frame.message else { throw FrameSocketError(.unexpectedData) }
        sequence = frame.sequence
        descriptors = frame.descriptors
        self.order = order
    }

    /// The word that goes with a job, whatever else came of it.
    static func slot(in received: ReceivedFrame) -> Int? {
        guard received.bytes.count == 8 else { return nil }
        return received.bytes.enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    }

    /// Tells the daemon that its job has come too late.
    func refuse() {
        client.tell(.failed(SessionKeeper.ended), sequence)
    }

    init(
        _ client: Monitor.Client,
        _ sequence: UInt64,
        _ order: LaunchOrder,
        _ descriptors: [OwnedDescriptor],
        slot: Int
    ) {
        self.client = client
        self.sequence = sequence
        self.order = order
        self.descriptors = descriptors
        self.slot = slot
    }
}
