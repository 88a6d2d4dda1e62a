import Glibc

/// What `fstat(2)` says of an open file.
package struct FileFacts: Sendable, Equatable {
    /// What kind of file it is.
    package enum Kind: Sendable {
        case regular
        case directory
        case symbolicLink
        case pipe
        case socket
        case device
        case other

        /// The kind in words, with an article.
        package var text: String {
            switch self {
            case .regular: "a regular file"
            case .directory: "a directory"
            case .symbolicLink: "a symbolic link"
            case .pipe: "a named pipe"
            case .socket: "a socket"
            case .device: "a device"
            case .other: "of an unknown kind"
            }
        }
    }

    /// What kind of file it is.
    package let kind: Kind

    /// The permission bits, with set-id and sticky bits.
    package let permissions: UInt32

    /// The owner's user id.
    package let owner: UInt32

    /// The size in bytes.
    package let size: Int64

    /// How many names the file has.
    package let links: UInt64

    /// The file system and the number of the file on it.
    package let identity: Identity

    /// When the contents and when anything about the file changed last.
    package let changes: [Int]

    /// Which file it is.
    package struct Identity: Sendable, Hashable {
        package let device: UInt64
        package let node: UInt64
    }

    /// Asks for the facts of an open file; `nil` when `fstat(2)` fails, which leaves the reason in `errno`.
    package init?(of descriptor: borrowing HeldDescriptor) {
        var status = stat()
        guard unsafe fstat(descriptor.number, &status) == 0 else { return nil }
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            case S_IFIFO: .pipe
            case S_IFSOCK: .socket
            case S_IFBLK, S_IFCHR: .device
            default: .other
            }
        permissions = status.st_mode & 0o7777
        owner = status.st_uid
        size = Int64(status.st_size)
        links = UInt64(status.st_nlink)
        identity = Identity(device: UInt64(status.st_dev), node: UInt64(status.st_ino))
        changes = [
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
        ]
    }

    /// The permission bits in octal, as `chmod` writes them: `0644`.
    package var octalPermissions: String {
        let digits = String(permissions, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
