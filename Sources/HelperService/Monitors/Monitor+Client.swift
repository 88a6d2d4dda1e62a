import CHelperService
import CLaunchPlan
import CLaunchProtocol
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

extension Monitor {
    /// A daemon that has connected, and may.
    struct Client {
        let socket: FrameSocket
        let userID: UInt32
        let groupID: UInt32
        let processID: Int32

        /// The process itself; `nil` only where this process cannot see it.
        var process: OwnedDescriptor?

        /// Tells the daemon something; one that does not read what it has asked for is as good as gone.
        ///
        /// - Returns: Whether it went.
        @discardableResult
        func tell(_ message: HelperMessage, _ sequence: UInt64, descriptors: [OwnedDescriptor] = []) -> Bool {
            let frame = HelperFrame(sequence: sequence, message: message, descriptors: descriptors)
            guard let encoded = try? frame.encoded(),
                let outgoing = try? OutgoingFrame(encoded, descriptors: descriptors)
            else { return false }
            return (try? Self.send(outgoing, over: socket)) == .sent
        }

        /// How long what all processes of the helper have in flight may be too much.
        private static let flightTime = Duration.seconds(1)

        /// Sends a frame, also where the kernel says that there are too many descriptors on their way already.
        ///
        /// It counts those that any process of the user id has sent and nobody has received, and compares that with the soft
        /// limit of this one (`ETOOMANYREFS`, `unix(7)`): nobody else's jobs are to decide whether a daemon hears of its own.
        fileprivate static func send(_ frame: OutgoingFrame, over socket: FrameSocket) throws(FrameSocketError)
            -> FrameSocket.Sending
        {
            let limit = ContinuousClock.now + flightTime
            while true {
                do throws(FrameSocketError) {
                    return try socket.send(frame)
                } catch {
                    guard error.errno == .tooManyReferences else { throw error }
                    var former: UInt64 = 0
                    if unsafe helper_open_files_set(.max, &former) == 0 {
                        // Nothing is forked meanwhile.
                        defer { _ = helper_open_files_set(former, nil) }
                        if let sending = try? socket.send(frame) { return sending }
                    }
                    guard ContinuousClock.now < limit else { throw error }
                    _ = Waiting.wait(for: [], until: .now + .milliseconds(10))
                }
            }
        }
    }
}

extension Monitor.Client {
    /// Takes a daemon over from the process that has admitted it.
    ///
    /// - Parameters:
    ///   - connection: Its connection.
    ///   - process: The process itself, as that process has it.
    /// - Throws: `Errno` when the kernel does not say who it is.
    init(takingOver connection: OwnedDescriptor, of process: OwnedDescriptor?) throws(Errno) {
        let (processID, user, group) = try Self.peer(of: connection)
        self.init(
            socket: FrameSocket(connection),
            userID: user,
            groupID: group,
            processID: processID,
            process: process
        )
    }

    /// The process, the user id and the group id that have connected (`SO_PEERCRED`, `socket(7)`).
    static func peer(of socket: OwnedDescriptor) throws(Errno) -> (Int32, UInt32, UInt32) {
        var (process, user, group): (Int32, UInt32, UInt32) = (0, .max, .max)
        let result = unsafe socket_peer(socket.rawValue, &process, &user, &group)
        guard result == 0 else { throw Errno(rawValue: -result) }
        return (process, user, group)
    }

    /// The process that has connected.
    ///
    /// Linux gives it itself since 6.5 (`SO_PEERPIDFD`). Before, its number may be another's by now: then whoever has ordered the
    /// job has ended, and the job ends with the other at the latest.
    ///
    /// - Parameters:
    ///   - process: Its number.
    ///   - socket: The connection.
    /// - Returns: A descriptor of it; `nil` for one of a process namespace that this process does not see.
    /// - Throws: `Errno` when the process has gone, or the kernel has nothing to give.
    static func descriptor(of process: Int32, at socket: OwnedDescriptor) throws(Errno) -> OwnedDescriptor? {
        var descriptor = socket_peer_process(socket.rawValue)
        if descriptor == -ENOPROTOOPT {
            guard process > 0 else { return nil }
            descriptor = linux_pidfd_open(process)
        }
        guard descriptor >= 0 else { throw Errno(rawValue: -descriptor) }
        return try OwnedDescriptor(moving: descriptor)
    }

    /// What one attempt to read came to.
    enum Next {
        case none
        case end
        /// The daemon has gone without having read all that it was told.
        case reset
        case frame(ClientFrame)
    }

    /// Reads the next frame.
    ///
    /// A daemon that sends anything else is told, and is as good as gone.
    ///
    /// - Parameters:
    ///   - context: The helper.
    ///   - mayLaunch: Whether it may be an order; nothing else brings descriptors.
    /// - Returns: The frame, if there is one.
    func nextFrame(_ context: HelperContext, mayLaunch: Bool = false) -> Next {
        do throws(FrameSocketError) {
            switch try socket.receive(takingDescriptors: mayLaunch) {
            case .empty: return .none
            case .end: return .end
            case .reset: return .reset
            case .frame(let received):
                // An order has secrets of the job's in it.
                defer { received.bytes.wipe() }
                do throws(FrameError) {
                    return .frame(try ClientFrame(decoding: received))
                } catch {
                    if let version = received.foreignVersion {
                        refuse(version: version, 0, context, inVersion: version)
                        return .end
                    }
                    complain("sent no frame: \(error.message)", context)
                    tell(.refused(Refusal(reason: "frame", message: error.message)), 0)
                    return .end
                }
            }
        } catch {
            complain("sent what cannot be read: \(error.message)", context)
            return .end
        }
    }

    /// Refuses a daemon that speaks another version of the protocol, in words that it can read.
    ///
    /// - Parameters:
    ///   - version: What it speaks.
    ///   - sequence: The number of what it has said.
    ///   - context: The helper.
    ///   - frameVersion: The version of its frames.
    func refuse(
        version: UInt16,
        _ sequence: UInt64,
        _ context: HelperContext,
        inVersion frameVersion: UInt16 = FrameHeader.version
    ) {
        let message =
            "speaks version \(version) of the protocol, and this process of the helper version \(FrameHeader.version); use the "
            + "same version of the library and the helper, and restart what still runs from before an upgrade"
        complain(message, context)
        let refusal = HelperMessage.refused(Refusal(reason: "version", message: "the daemon \(message)"))
        guard var bytes = try? HelperFrame(sequence: sequence, message: refusal, descriptors: []).encoded().bytes
        else { return }
        FrameHeader.set(version: frameVersion, of: &bytes)
        _ = try? Self.send(OutgoingFrame(bytes: bytes, descriptors: []), over: socket)
    }

    private func complain(_ text: String, _ context: HelperContext) {
        guard context.table.mayComplain() else { return }
        context.log.write(.warning, "user id \(userID) (process \(processID)) \(text)")
    }
}
