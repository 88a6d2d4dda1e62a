import CLaunchProtocol
import Glibc
import LaunchPlan
package import SystemPackage

extension FrameSocket {
    /// Connects to a listening socket, without waiting (`connect(2)`).
    ///
    /// - Parameter path: The path of the socket; at most 107 bytes.
    /// - Throws: `Errno`; `resourceTemporarilyUnavailable` when as many as the other side has room for wait to be accepted.
    package init(connectingTo path: FilePath) throws(Errno) {
        let socket = socket_create()
        guard socket >= 0 else { throw Errno(rawValue: -socket) }
        let owner = try OwnedDescriptor(moving: socket)
        let result = unsafe path.withPlatformString { unsafe socket_connect(owner.rawValue, $0) }
        guard result == 0 else { throw Errno(rawValue: -result) }
        self.init(owner)
    }

    /// The user id of whoever connected, or listened when this end connected (`SO_PEERCRED`, `unix(7)`).
    ///
    /// - Throws: `Errno` of `getsockopt(2)`.
    package func peerUserID() throws(Errno) -> UInt32 {
        var (process, user, group): (Int32, UInt32, UInt32) = (0, .max, .max)
        let result = unsafe socket_peer(descriptor.rawValue, &process, &user, &group)
        guard result == 0 else { throw Errno(rawValue: -result) }
        return user
    }

    /// Says that nothing more comes from here, while the other side may go on (`shutdown(2)`).
    package func endSending() { descriptor.withOpen { _ = shutdown($0, Int32(SHUT_WR)) } }

    /// Has whoever sends something from now on told that nobody takes it (`EPIPE`), while this side may go on (`shutdown(2)`).
    package func endReceiving() { descriptor.withOpen { _ = shutdown($0, Int32(SHUT_RD)) } }

    /// Has the kernel take descriptors from the other end, or not, where it can be told (Linux 6.16).
    package func takeDescriptors(_ takes: Bool) { socket_take_descriptors(descriptor.rawValue, takes ? 1 : 0) }
}
