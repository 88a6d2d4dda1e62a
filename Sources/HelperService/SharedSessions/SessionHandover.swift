import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// A job on its way from the process that has its daemon to one that has its session.
///
/// The order itself goes in a connection of its own, as the daemon would send it, so that one message over the channel is all of
/// it: several processes wait there, and each message has one of them.
struct SessionHandover {
    /// What a message over the channel says itself.
    struct Note: Equatable {
        /// The word of the table that goes with the job.
        let slot: Int
        /// Which session of the place is meant.
        let generation: UInt64
        /// When the job has to run, on `CLOCK_MONOTONIC` in nanoseconds.
        let deadline: UInt64

        init(slot: Int, generation: UInt64, deadline: ContinuousClock.Instant) {
            self.slot = slot
            self.generation = generation
            let left = (deadline - .now).components
            let nanoseconds = left.seconds * 1_000_000_000 + left.attoseconds / 1_000_000_000
            self.deadline = Self.now &+ UInt64(clamping: nanoseconds)
        }

        /// Reads a message, whatever else came with it.
        init?(_ received: ReceivedFrame) {
            guard received.bytes.count == 24 else { return nil }
            let numbers = stride(from: 0, to: 24, by: 8)
                .map { start in
                    received.bytes[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                }
            guard let slot = Int(exactly: numbers[0]) else { return nil }
            (self.slot, generation, deadline) = (slot, numbers[1], numbers[2])
        }

        var bytes: [UInt8] {
            [UInt64(slot), generation, deadline]
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

    let note: Note
    let client: Monitor.Client
    let sequence: UInt64
    let order: LaunchOrder
    let descriptors: [OwnedDescriptor]

    init(
        _ note: Note,
        _ client: Monitor.Client,
        _ sequence: UInt64,
        _ order: LaunchOrder,
        _ descriptors: [OwnedDescriptor]
    ) {
        self.note = note
        self.client = client
        self.sequence = sequence
        self.order = order
        self.descriptors = descriptors
    }

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
        let message = OutgoingFrame(bytes: note.bytes, descriptors: connections)
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
        guard let note = Note(received), (2...3).contains(received.descriptors.count) else {
            throw FrameSocketError(.unexpectedData)
        }
        let process = received.descriptors.count == 3 ? received.descriptors[2] : nil
        let client = try Monitor.Client(takingOver: received.descriptors[1], of: process)
        guard case .frame(let parcel) = try FrameSocket(received.descriptors[0]).receive() else {
            throw FrameSocketError(.unexpectedData)
        }
        let frame = try ClientFrame(decoding: parcel)
        guard case .launch(let order) = frame.message else { throw FrameSocketError(.unexpectedData) }
        self.init(note, client, frame.sequence, order, frame.descriptors)
    }

    /// Tells the daemon that its job has come too late.
    func refuse() {
        client.tell(.failed(SessionKeeper.ended), sequence)
    }
}
