import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// Whether a system helper answers this process, and what it can do.
struct HelperCheck {
    let options: HelperOptions

    /// Whether jobs are to have sessions of PAM.
    var needsSessions = false

    private var socket: FilePath { options.socket }

    private static let check = "system helper"
    private static let patienceMilliseconds: Int32 = 2_000

    func finding() -> Finding {
        do throws(Errno) {
            switch try ask() {
            case (let user, .message(let reply)): return finding(of: reply, from: user)
            case (_, .otherVersion(let version)): return finding(ofVersion: version)
            }
        } catch {
            let remedy =
                switch error {
                case .permissionDenied: "put this account into the group of the socket"
                case .noSuchFileOrDirectory, .connectionRefused: "start impersonation-helper.socket, or name the socket"
                default: "look at the helper's log"
                }
            return Finding(Self.check, .failed, "does not answer at \(socket): \(error)", remedy: remedy)
        }
    }

    private func finding(ofVersion version: UInt16) -> Finding {
        Finding(
            Self.check,
            .failed,
            "at \(socket) speaks version \(version) of the protocol, and this program version \(FrameHeader.version)",
            remedy: "use the same version of both, and restart the helper"
        )
    }

    private func finding(of reply: HelperMessage, from user: UInt32) -> Finding {
        switch reply {
        case .welcome(let welcome) where welcome.version != FrameHeader.version:
            return finding(ofVersion: welcome.version)
        case .welcome(let welcome):
            guard user == options.user else {
                let expected = options.user == 0 ? "root" : "user id \(options.user)"
                return Finding(
                    Self.check,
                    .failed,
                    "answered at \(socket) by user id \(user), and not by \(expected)",
                    remedy: "if that is the account of the helper, name it: --helper-user \(user), and helperUserIDs "
                        + "in a program that uses the library"
                )
            }
            guard !needsSessions || welcome.features.contains(.sessions) else {
                return Finding(
                    Self.check,
                    .failed,
                    "answers at \(socket), and its policy permits no PAM service",
                    remedy: "name the service in pam-services of its policy, and restart it"
                )
            }
            let lacks =
                (welcome.features.contains(.controlGroups) ? [] : ["cgroups"])
                + (welcome.features.contains(.terminals) ? [] : ["terminals"])
            guard lacks.isEmpty else {
                return Finding(
                    Self.check,
                    .warning,
                    "answers at \(socket), but gives jobs no \(lacks.joined(separator: " and no "))",
                    remedy: "set control-groups in its policy, and give it CAP_CHOWN, if jobs need them"
                )
            }
            return Finding(Self.check, .ok, "answers at \(socket)")
        case .refused(let refusal):
            return Finding(
                Self.check,
                .failed,
                "refuses this process: \(refusal.message)",
                remedy: "add this account to peers in its policy"
            )
        default:
            return Finding(
                Self.check,
                .failed,
                "answers at \(socket) what makes no sense",
                remedy: "use the same version of both"
            )
        }
    }

    private enum Answer {
        case message(HelperMessage)
        case otherVersion(UInt16)
    }

    private func ask() throws(Errno) -> (user: UInt32, answer: Answer) {
        let connection = try FrameSocket(connectingTo: socket)
        let user = try connection.peerUserID()
        let greeting = ClientMessage.hello(version: FrameHeader.version)
        guard let frame = try? ClientFrame(sequence: 0, message: greeting).encoded(),
            let outgoing = try? OutgoingFrame(frame)
        else { throw .invalidArgument }
        // One that sends this process away has said why before it went.
        _ = try? connection.send(outgoing)
        var event = pollfd(fd: connection.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&event, 1, Self.patienceMilliseconds) > 0 else { throw .timedOut }
        for _ in 0..<2 {
            guard case .frame(let received)? = try? connection.receive() else { continue }
            if let version = received.foreignVersion { return (user, .otherVersion(version)) }
            if let reply = try? HelperFrame(decoding: received) { return (user, .message(reply.message)) }
        }
        throw .connectionReset
    }
}
