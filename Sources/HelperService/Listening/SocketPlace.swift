import CHelperService
import Glibc
import LaunchPlan
package import SystemPackage

/// The path of a socket, which one helper has for itself from before it looks who listens there until it ends.
///
/// It has a lock on a file beside the socket. That goes with its process, however this ends, and with no process that it has
/// forked: some of those outlive it.
package struct SocketPlace: Sendable {
    /// Which file is meant, whatever its name is later.
    struct Identity: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64

        fileprivate init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
        }
    }

    package let path: FilePath
    private let lockPath: FilePath
    /// Any other descriptor of this file that this process closed would take the lock along (`fcntl(2)`).
    private let lock: OwnedDescriptor
    private var socket: Identity?

    /// Others that end meanwhile remove the file, each of them once.
    private static let attempts = 100

    /// Takes a path.
    ///
    /// - Parameter path: Where the socket is to be. Its directory was checked.
    /// - Throws: ``HelperError`` when another helper has it.
    init(taking path: FilePath) throws(HelperError) {
        self.path = path
        lockPath = FilePath(path.string + ".lock")
        for _ in 0..<Self.attempts {
            let (file, identity) = try Self.open(lockPath)
            var holder: Int32 = 0
            let result = unsafe helper_lock(file.rawValue, &holder)
            guard result != -EAGAIN else { throw Self.taken(path, by: holder) }
            guard result == 0 else {
                let error = Errno(rawValue: -result)
                throw HelperError(.system, "\(lockPath) cannot be locked: \(error); look at its file system")
            }
            // A helper that has ended since has removed this file, and the next one locks another.
            guard Self.identity(at: lockPath) == identity else { continue }
            lock = file
            return
        }
        throw HelperError(.unavailable, "\(lockPath) is made and removed again all the time; look at who does that")
    }

    /// Why a path cannot be had.
    ///
    /// - Parameters:
    ///   - path: The path.
    ///   - process: Who has it; 0 when nobody can tell.
    /// - Returns: The error.
    static func taken(_ path: FilePath, by process: Int32) -> HelperError {
        let who = process > 0 ? ", process \(process)," : ""
        return HelperError(
            .unavailable,
            "another helper\(who) already serves \(path), or is about to; stop that one first, or choose another path"
        )
    }

    /// Remembers which socket is this helper's, once that was made.
    mutating func note() { socket = Self.identity(at: path) }

    /// Removes the socket, unless it is another one by now, and gives the path up.
    package func leave() {
        if let socket, Self.identity(at: path) == socket { _ = unsafe unlink(path.string) }
        // The lock is still held: whoever has opened the file meanwhile finds that it is gone.
        var status = stat()
        guard unsafe fstat(lock.rawValue, &status) == 0, Self.identity(at: lockPath) == Identity(status) else { return }
        _ = unsafe unlink(lockPath.string)
    }

    private static func open(_ path: FilePath) throws(HelperError) -> (OwnedDescriptor, Identity) {
        let descriptor = unsafe Glibc.open(path.string, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard descriptor >= 0 else { throw unusable(path, Errno(rawValue: errno)) }
        let file: OwnedDescriptor
        do throws(Errno) {
            file = try OwnedDescriptor(moving: descriptor)
        } catch {
            throw unusable(path, error)
        }
        var status = stat()
        guard unsafe fstat(file.rawValue, &status) == 0 else { throw unusable(path, Errno(rawValue: errno)) }
        // Whoever may open it could lock it.
        guard status.st_mode & S_IFMT == S_IFREG, status.st_mode & (S_IRWXG | S_IRWXO) == 0,
            status.st_uid == 0 || status.st_uid == geteuid()
        else {
            throw HelperError(
                .configuration,
                "\(path) is no file of the helper's alone, so others could keep it from starting; remove it"
            )
        }
        return (file, Identity(status))
    }

    private static func unusable(_ path: FilePath, _ error: Errno) -> HelperError {
        HelperError(.system, "the lock \(path) cannot be had: \(error); look at the path, its owner and its mode")
    }

    private static func identity(at path: FilePath) -> Identity? {
        var status = stat()
        return unsafe lstat(path.string, &status) == 0 ? Identity(status) : nil
    }
}
