import CHelperService
import Glibc
import LaunchProtocol
import SystemPackage

/// `impersonation-helper --lookup`: a process that asks the name service for a daemon, and that the daemon can kill when that
/// hangs.
///
/// The library starts it, with a socket as its standard input. Modules of the name service run in it, and what they talk to may be
/// hostile: so it has no privilege, nothing of the daemon's but the socket, and ends with the daemon. Of a daemon that is the
/// superuser, the trampoline has given it another account before it was executed: as root it does not run.
package enum LookupRole {
    /// The word that makes the helper one.
    package static let option = "--lookup"

    /// Runs.
    ///
    /// - Returns: The exit status, as ``HelperError`` has them.
    package static func run() -> Int32 {
        let log = HelperLog(isForJournal: false)
        // Asked first: one that ended before has no signal to send, but the end of its socket.
        let parent = getppid()
        let socket = lookup_take_socket()
        guard socket >= 0 else {
            let error =
                socket == -ENOTSOCK
                ? HelperError(
                    .usage,
                    "\(option) is started by the library, with a socket as its standard input; to ask the name service by "
                        + "hand, use getent"
                )
                : HelperError(.system, "the socket cannot be taken over (\(Errno(rawValue: -socket)))")
            log.write(.error, error.message)
            return error.code.rawValue
        }
        umask(0o077)
        guard unsafe chdir("/") == 0, lookup_surroundings_replace() == 0 else {
            return HelperError.Code.system.rawValue
        }
        guard lookup_give_up_privileges() == 0 else { return HelperError.Code.notPermitted.rawValue }
        guard helper_die_with_parent(parent) == 0 else { return HelperError.Code.unavailable.rawValue }
        return serve(socket)
    }

    private static func serve(_ socket: Int32) -> Int32 {
        guard let ready = try? LookupAnswer.ready(), send(ready, over: socket) else {
            return HelperError.Code.unavailable.rawValue
        }
        var bytes = [UInt8](repeating: 0, count: LookupAnswer.largestText + 256)
        while true {
            let size = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe lookup_receive(socket, buffer.baseAddress, UInt64(buffer.count))
            }
            guard size > 0 else { return size == 0 ? 0 : HelperError.Code.system.rawValue }
            guard let (question, number, milliseconds) = try? LookupQuestion.decode(Array(bytes[..<Int(size)])) else {
                return HelperError.Code.usage.rawValue
            }
            // The daemon may not be permitted to kill a process of another account, or stand still itself.
            guard lookup_end_after(milliseconds) == 0 else { return HelperError.Code.system.rawValue }
            let answer = DomainCheck.checked(LookupAnswer(asking: question), to: question)
            guard lookup_end_after(0) == 0, let messages = try? answer.encoded(number: number) else {
                return HelperError.Code.system.rawValue
            }
            for message in messages {
                guard send(message, over: socket) else { return HelperError.Code.unavailable.rawValue }
            }
        }
    }

    private static func send(_ message: [UInt8], over socket: Int32) -> Bool {
        unsafe message.withUnsafeBytes { unsafe lookup_send(socket, $0.baseAddress, UInt64($0.count)) } == 0
    }
}
