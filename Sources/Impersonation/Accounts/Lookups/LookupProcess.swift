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

    /// Starts one, and waits until it says that it takes questions.
    ///
    /// - Parameters:
    ///   - program: The helper.
    ///   - time: When nobody wants it any more.
    /// - Throws: ``NoAnswer``; there is no process then.
    init(_ program: LookupProgram, until time: MonotonicTime) throws(NoAnswer) {
        guard let (ours, theirs) = try? FrameSocket.pair() else { throw .broken("there is no descriptor to be had") }
        let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0, let output = try? OwnedDescriptor(moving: null) else {
            throw .broken("there is no descriptor to be had")
        }
        ours.takeDescriptors(false)
        let streams = [theirs.descriptor.rawValue, output.rawValue, output.rawValue]
        child = try LookupChild([program.path.string, "--lookup"], streams: streams, endingWith: .daemon, until: time)
        theirs.descriptor.closeNow()
        socket = ours
        do {
            try LookupAnswer.checkReady(try Self.receive(from: socket, until: time))
        } catch let error as NoAnswer {
            let status = error == .late ? nil : child.exitStatus(until: .now + .seconds(1))
            child.end()
            throw error == .late ? .late : .unusable(Self.reason(of: status, program.path))
        } catch {
            child.end()
            throw .unusable(
                "\(program.path) is of another version than this library; install the one that belongs to it"
            )
        }
    }

    /// Why a process has ended before it said anything.
    private static func reason(of status: Int32?, _ path: FilePath) -> String {
        switch status {
        case 64: "\(path) knows no lookups; install the version that belongs to this library"
        case 77: "\(path) could not give up its privileges, or has those of root"
        case let status?: "\(path) ended with status \(status) before it took a question"
        case nil: "\(path) was ended before it took a question"
        }
    }

    /// Whether it waits for a question, and has neither ended nor said anything unasked.
    var isWaiting: Bool { !socket.descriptor.waits(for: POLLIN, until: .now) }

    /// Asks.
    ///
    /// - Parameters:
    ///   - question: The question.
    ///   - number: Its number, which this process has not been asked yet.
    ///   - time: When nobody wants the answer any more.
    /// - Returns: The answer.
    /// - Throws: ``NoAnswer``; the process is of no further use then.
    func ask(
        _ question: LookupQuestion,
        number: UInt64,
        until time: MonotonicTime
    ) throws(NoAnswer) -> LookupAnswer {
        let bytes: [UInt8]
        do throws(FrameError) {
            bytes = try question.encoded(number: number, milliseconds: Self.patience(until: time))
        } catch {
            throw .broken("no such name can be asked for")
        }
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
