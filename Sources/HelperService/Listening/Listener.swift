import CLaunchProtocol
import Glibc
package import LaunchPlan
package import SystemPackage
import TrustedFiles

/// The socket that daemons connect to.
package enum Listener {
    private static let backlog: Int32 = 1_024

    /// The first descriptor that systemd hands over (`sd_listen_fds(3)`).
    private static let firstInherited: Int32 = 3

    /// The first descriptor that nobody has handed over in that way.
    package static var firstNotInherited: Int32 {
        guard isMeantForThisProcess else { return firstInherited }
        return firstInherited + (variable("LISTEN_FDS").flatMap { Int32($0) }.map { max(0, min($0, 1_024)) } ?? 0)
    }

    private static var isMeantForThisProcess: Bool { variable("LISTEN_PID") == String(getpid()) }

    /// Takes over the socket that systemd, or whoever follows its convention, has opened.
    ///
    /// - Returns: The socket; `nil` when the helper was started without one.
    /// - Throws: ``HelperError`` when it was started with something else.
    package static func inherited() throws(HelperError) -> OwnedDescriptor? {
        guard isMeantForThisProcess, let count = variable("LISTEN_FDS") else { return nil }
        guard count == "1", socket_is_listening_seqpacket(firstInherited) == 1 else {
            throw HelperError(
                .configuration,
                "descriptor \(firstInherited) is not the one listening socket of SOCK_SEQPACKET that the helper serves; use "
                    + "ListenSequentialPacket= once in the socket unit"
            )
        }
        let flags = fcntl(firstInherited, F_GETFL)
        guard flags >= 0, fcntl(firstInherited, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw failure("the inherited socket cannot be made non-blocking", errno)
        }
        do throws(Errno) {
            return try OwnedDescriptor(moving: firstInherited)
        } catch {
            throw failure("the inherited socket cannot be taken over", error.rawValue)
        }
    }

    /// Makes the socket.
    ///
    /// A path that is left from a helper that has ended is taken over; that of one that runs, or is being started, is not.
    ///
    /// - Parameters:
    ///   - path: Where. The directory belongs to root or to the helper, and nobody else can write to it.
    ///   - mode: Who may connect at all. The policy decides by the user id whom the helper serves.
    ///   - group: The group of the socket; `nil` is the helper's own.
    /// - Returns: The socket, and its place, which is this process's until it ends.
    /// - Throws: ``HelperError``.
    package static func make(
        at path: FilePath,
        mode: FilePermissions,
        group: UInt32? = nil
    ) throws(HelperError) -> (listener: OwnedDescriptor, place: SocketPlace) {
        guard path.isAbsolute else {
            throw HelperError(.usage, "the socket \(path) is not named in full; give its path from the root")
        }
        try checkDirectory(path.removingLastComponent())
        var place = try SocketPlace(taking: path)
        var result = unsafe socket_listen(path.string, backlog, UInt32(mode.rawValue))
        if result == -EADDRINUSE {
            try removeLeftover(path)
            result = unsafe socket_listen(path.string, backlog, UInt32(mode.rawValue))
        }
        guard result >= 0 else { throw failure("the socket \(path) cannot be made", -result) }
        place.note()
        if let group {
            guard unsafe path.withPlatformString({ unsafe lchown($0, uid_t.max, group) }) == 0 else {
                let error = errno
                close(result)
                throw failure("the socket \(path) cannot be given to group \(group)", error)
            }
        }
        do throws(Errno) {
            return (try OwnedDescriptor(moving: result), place)
        } catch {
            throw failure("the socket \(path) cannot be kept", error.rawValue)
        }
    }

    /// Checks a directory in which the helper makes what daemons trust.
    ///
    /// - Parameter path: The directory.
    /// - Throws: ``HelperError`` when somebody else could put something in its place.
    package static func checkDirectory(_ path: FilePath) throws(HelperError) {
        // From the root downwards: only below a directory that is nobody else's does the next look count.
        var ancestor = FilePath(root: path.root)
        try checkOne(ancestor)
        for component in path.components {
            guard component.kind == .regular else {
                throw HelperError(.usage, "\(path) has a component '\(component)'; name it without")
            }
            ancestor.append(component)
            try checkOne(ancestor)
        }
    }

    private static func checkOne(_ path: FilePath) throws(HelperError) {
        let descriptor = unsafe open(path.string, openPath | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("the directory \(path) cannot be used", errno) }
        let directory = OwnedDescriptor(descriptor)
        var status = stat()
        guard unsafe fstat(directory.rawValue, &status) == 0 else {
            throw failure("the directory \(path) cannot be looked at", errno)
        }
        guard status.st_uid == 0 || status.st_uid == geteuid(), status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw HelperError(
                .configuration,
                "the directory \(path) belongs to user id \(status.st_uid) with mode "
                    + "\(String(status.st_mode & 0o7777, radix: 8)), so others could put a socket of theirs there; let it be "
                    + "root's or the helper's, and nobody else's to write"
            )
        }
    }

    private static func removeLeftover(_ path: FilePath) throws(HelperError) {
        let socket = socket_create()
        guard socket >= 0 else { throw failure("no socket can be made", -socket) }
        let owner = OwnedDescriptor(socket)
        let result = unsafe socket_connect(owner.rawValue, path.string)
        guard result == -ECONNREFUSED else {
            var (process, user, group): (Int32, UInt32, UInt32) = (0, .max, .max)
            let isKnown = unsafe result == 0 && socket_peer(owner.rawValue, &process, &user, &group) == 0
            throw SocketPlace.taken(path, by: isKnown ? process : 0)
        }
        var status = stat()
        guard unsafe lstat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK,
            unsafe unlink(path.string) == 0
        else { throw failure("what is left at \(path) cannot be removed", errno) }
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    private static func failure(_ what: String, _ number: Int32) -> HelperError {
        HelperError(.system, "\(what): \(Errno(rawValue: number)); look at the path, its owner and its mode")
    }
}
