import Glibc
public import SystemPackage

/// What the kernel says of a file.
public struct FileFacts: Sendable, Hashable {
    /// What kind of file it is, as far as a spool cares.
    public enum Kind: String, Sendable, Hashable {
        /// A regular file.
        case regular = "a regular file"

        /// A directory.
        case directory = "a directory"

        /// A symbolic link.
        case symbolicLink = "a symbolic link"

        /// A FIFO, a socket or a device.
        case special = "a FIFO, socket or device"
    }

    /// What kind of file it is.
    public let kind: Kind

    /// The user id of the owner.
    public let owner: UserID

    /// The permission bits.
    public let permissions: UInt32

    /// How many names it has.
    public let links: UInt64

    /// Its size in bytes.
    public let size: Int64

    /// When its contents or attributes changed last, in seconds since 1970: the one time nobody can set.
    public let changed: Double

    /// Which file it is.
    public let identity: Identity

    /// Device and inode: the same for two names of one file.
    public struct Identity: Sendable, Hashable {
        let device: UInt64
        let inode: UInt64
    }

    init(_ status: Glibc.stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .special
            }
        owner = UserID(rawValue: status.st_uid)
        permissions = status.st_mode & 0o7777
        links = UInt64(status.st_nlink)
        size = Int64(status.st_size)
        changed = Double(status.st_ctim.tv_sec) + Double(status.st_ctim.tv_nsec) / 1e9
        identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }
}

extension FileDescriptor {
    /// The facts of the open file; the corresponding C function is `fstat`.
    func facts() throws(Errno) -> FileFacts {
        // Inside this type `stat` is the one of swift-system.
        var status = Glibc.stat()
        guard unsafe fstat(rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        return FileFacts(status)
    }

    /// Reads to the end, but no more than a limit and one byte, which tells that the limit was passed.
    func contents(limit: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count <= limit {
            let wanted = min(buffer.count, limit + 1 - bytes.count)
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(rawValue, $0.baseAddress, wanted) }
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw Errno(rawValue: errno)
            }
            bytes += buffer[..<count]
        }
        return bytes
    }
}
