import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// A job on its way from the process that has its daemon to one that has its session.
///
/// The order itself goes in a connection of its own, as the daemon would send it, so that one message over the channel is all of
/// it: several processes wait there, and each message has one of them. Nobody reads it who has not taken the job.
struct SessionHandover {
    /// What a message over the channel says itself.
    struct Note: Equatable {
        /// The word of the table that goes with the job.
        let offer: MonitorTable.Offer
        /// Which session of the place is meant.
        let generation: UInt64
        /// When the job has to run, on `CLOCK_MONOTONIC` in nanoseconds.
        let deadline: UInt64
        /// The daemon's number of what it has asked for.
        let sequence: UInt64

        private static let size = 40

        init(
            _ offer: MonitorTable.Offer,
            generation: UInt64,
            deadline: ContinuousClock.Instant,
            sequence: UInt64
        ) {
            self.offer = offer
            self.generation = generation
            self.sequence = sequence
            let left = (deadline - .now).components
            let nanoseconds = left.seconds * 1_000_000_000 + left.attoseconds / 1_000_000_000
            self.deadline = Self.now &+ UInt64(clamping: nanoseconds)
        }

        /// Reads a message, whatever else came with it.
        init?(_ received: ReceivedFrame) {
            guard received.bytes.count == Self.size else { return nil }
            let numbers = stride(from: 0, to: Self.size, by: 8)
                .map { start in
                    received.bytes[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                }
            guard let slot = Int(exactly: numbers[0]) else { return nil }
            offer = MonitorTable.Offer(
                of: slot,
                by: Int32(truncatingIfNeeded: numbers[1]),
                as: UInt32(truncatingIfNeeded: numbers[1] >> 32)
            )
            (generation, deadline, sequence) = (numbers[2], numbers[3], numbers[4])
        }

        var bytes: [UInt8] {
            let owner = UInt64(UInt32(bitPattern: offer.owner))
            return [UInt64(offer.slot), UInt64(offer.number) << 32 | owner, generation, deadline, sequence]
                .flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        }

        /// How long the job may take until it runs.
        var timeLeft: Duration { .nanoseconds(Int64(clamping: deadline > Self.now ? deadline - Self.now : 0)) }

        private static var now: UInt64 {
            var time = timespec()
            unsafe clock_gettime(CLOCK_MONOTONIC, &time)
            return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }
    }

    let client: Monitor.Client
    let order: LaunchOrder
    let descriptors: [OwnedDescriptor]

    init(_ client: Monitor.Client, _ order: LaunchOrder, _ descriptors: [OwnedDescriptor]) {
        self.client = client
        self.order = order
        self.descriptors = descriptors
    }

    /// Sends a job.
    ///
    /// - Parameters:
    ///   - note: What goes with it.
    ///   - channel: Where to.
    /// - Returns: Where the order lies, for ``takeBack(_:)``.
    /// - Throws: When nothing has gone.
    func send(with note: Note, over channel: FrameSocket) throws -> FrameSocket {
        let (near, far) = try FrameSocket.pair()
        let frame = ClientFrame(sequence: note.sequence, message: .launch(order), descriptors: descriptors)
        let encoded = try frame.encoded()
        defer { for bytes in [encoded.bytes, encoded.sealed ?? []] { bytes.wipe() } }
        let outgoing = try OutgoingFrame(encoded, descriptors: descriptors)
        let connections = [far.descriptor, client.socket.descriptor] + (client.process.map { [$0] } ?? [])
        guard try near.send(outgoing) == .sent,
            try channel.send(OutgoingFrame(bytes: note.bytes, descriptors: connections)) == .sent
        else { throw FrameSocketError(.connectionClosed) }
        return far
    }

    /// Empties what was sent and has been withdrawn: it would hold the descriptors of the job as long as whoever has received the
    /// message stands still over it.
    ///
    /// Whoever sent them has them still, so none of them is closed here, which may take its time.
    static func takeBack(_ parcel: FrameSocket) {
        var byte: UInt8 = 0
        _ = unsafe recv(parcel.descriptor.rawValue, &byte, 1, Int32(MSG_DONTWAIT))
    }

    /// Reads a job that was taken.
    ///
    /// - Parameter received: What came over the channel.
    /// - Throws: When it cannot be read.
    init(_ received: ReceivedFrame) throws {
        let client = try Self.client(of: received)
        guard case .frame(let parcel) = try FrameSocket(received.descriptors[0]).receive() else {
            throw FrameSocketError(.unexpectedData)
        }
        defer { parcel.bytes.wipe() }
        let frame = try ClientFrame(decoding: parcel)
        guard case .launch(let order) = frame.message else { throw FrameSocketError(.unexpectedData) }
        self.init(client, order, frame.descriptors)
    }

    /// The daemon whose job was taken.
    ///
    /// - Parameter received: What came over the channel.
    /// - Returns: The daemon.
    /// - Throws: When it cannot be read.
    static func client(of received: ReceivedFrame) throws -> Monitor.Client {
        guard (2...3).contains(received.descriptors.count) else { throw FrameSocketError(.unexpectedData) }
        let process = received.descriptors.count == 3 ? received.descriptors[2] : nil
        return try Monitor.Client(takingOver: received.descriptors[1], of: process)
    }
}
