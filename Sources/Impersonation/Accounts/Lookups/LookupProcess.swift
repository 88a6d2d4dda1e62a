import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import NameLookup
import SystemPackage

/// A lookup process of this daemon: the helper in its role, and the socket to it.
///
/// It takes one question at a time.
/// Everything here blocks the calling thread, and nothing longer than it is told.
final class LookupProcess: Sendable {
    private let child: LookupChild
    private let socket: FrameSocket

    /// The socket between the two, and where the process writes what nobody reads.
    struct Ends {
        fileprivate let ours: FrameSocket
        fileprivate let theirs: FrameSocket
        fileprivate let output: OwnedDescriptor

        /// Takes descriptors.
        ///
        /// - Throws: ``NoAnswer`` when there are none; that is no fault of a process.
        init() throws(NoAnswer) {
            guard let (ours, theirs) = try? FrameSocket.pair() else {
                throw .broken("there is no descriptor to be had")
            }
            let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
            guard null >= 0, let output = try? OwnedDescriptor(moving: null) else {
                throw .broken("there is no descriptor to be had")
            }
            ours.takeDescriptors(false)
            (self.ours, self.theirs, self.output) = (ours, theirs, output)
        }
    }

    /// Starts one, and waits until it says that it takes questions.
    ///
    /// - Parameters:
    ///   - program: The helper.
    ///   - ends: What it talks over; for this one alone.
    ///   - time: When nobody wants it any more.
    /// - Throws: ``NoAnswer``; there is no process then.
    init(_ program: LookupProgram, over ends: borrowing Ends, until time: MonotonicTime) throws(NoAnswer) {
        let (ours, theirs, output) = (ends.ours, ends.theirs, ends.output)
        let streams = [theirs.descriptor.rawValue, output.rawValue, output.rawValue]
        child = try LookupChild([program.path.string, "--lookup"], streams: streams, endingWith: .daemon, until: time)
        theirs.descriptor.closeNow()
        socket = ours
        do {
            try LookupAnswer.checkReady(try Self.receive(from: socket, until: time))
        } catch let error as NoAnswer {
            let end = error == .late ? nil : child.ending(until: .now + .seconds(1))
            child.end(waiting: error == .late ? .zero : LookupChild.reapingTime)
            throw error == .late ? .late : Self.failure(after: end, program.path)
        } catch {
            child.end()
            throw .unusable(
                "\(program.path) is of another version than this library; install the one that belongs to it"
            )
        }
    }

    /// Why a process has ended before it said anything.
    ///
    /// Only what it says itself is for good: whoever can kill it, or keep it from its memory, is not to choose who asks in its place.
    private static func failure(after end: LookupChild.End?, _ path: FilePath) -> NoAnswer {
        switch end {
        case .exited(64): .unusable("\(path) knows no lookups; install the version that belongs to this library")
        case .exited(77): .unusable("\(path) could not give up its privileges, or has those of root")
        case .exited(let status): .broken("\(path) ended with status \(status) before it took a question")
        case .killed: .broken("\(path) was killed before it took a question")
        case .unknown, nil: .broken("\(path) ended before it took a question")
        }
    }

    /// Whether it waits for a question, and has neither ended nor said anything unasked.
    var isWaiting: Bool { !socket.descriptor.waits(for: POLLIN, until: .now) }

    /// Puts a question into bytes, before a process is taken for it.
    ///
    /// - Throws: ``NoAnswer`` when nobody can be asked that.
    static func encode(
        _ question: LookupQuestion,
        number: UInt64,
        until time: MonotonicTime
    ) throws(NoAnswer) -> [UInt8] {
        do throws(FrameError) {
            return try question.encoded(number: number, milliseconds: patience(until: time))
        } catch {
            throw .broken("no such name can be asked for")
        }
    }

    /// Asks.
    ///
    /// - Parameters:
    ///   - bytes: The question.
    ///   - number: Its number, which this process has not been asked yet.
    ///   - time: When nobody wants the answer any more.
    /// - Returns: The answer.
    /// - Throws: ``NoAnswer``; the process is of no further use then.
    func ask(_ bytes: [UInt8], number: UInt64, until time: MonotonicTime) throws(NoAnswer) -> LookupAnswer {
        let sent = try? socket.send(OutgoingFrame(bytes: bytes, descriptors: []))
        guard sent == .sent else { throw .broken("the lookup process has ended") }
        var reader = LookupAnswerReader(number: number)
        while true {
            let message = try Self.receive(from: socket, until: time)
            do throws(FrameError) {
                if let answer = try reader.take(message) { return answer }
            } catch {
                throw .broken("the lookup process has answered with something that is no answer")
            }
        }
    }

    /// Kills it.
    ///
    /// - Parameter patience: For how long its end is waited for here.
    func end(waiting patience: Duration = LookupChild.reapingTime) {
        socket.descriptor.closeNow()
        child.end(waiting: patience)
    }

    /// A while longer than whoever asks waits: who kills it first is to be the daemon.
    private static func patience(until time: MonotonicTime) -> UInt32 {
        let (seconds, attoseconds) = time.remaining.components
        return UInt32(clamping: min(seconds, 1_000_000) * 1_000 + attoseconds / 1_000_000_000_000_000 + 500)
    }

    private static func receive(from socket: FrameSocket, until time: MonotonicTime) throws(NoAnswer) -> [UInt8] {
        while socket.descriptor.waits(for: POLLIN, until: time) {
            do throws(FrameSocketError) {
                switch try socket.receive(takingDescriptors: false) {
                case .frame(let frame): return frame.bytes
                case .empty: continue
                case .end, .reset: break
                }
            } catch {
                throw .broken("the lookup process has answered with something that is no answer")
            }
            throw .broken("the lookup process has ended")
        }
        throw .late
    }
}
