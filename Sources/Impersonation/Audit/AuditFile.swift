import Glibc
import LaunchPlan
import SystemPackage

/// The open file of a ``FileAuditLog``: opened so that nobody else can have put it there, read it or change it.
struct AuditFile: ~Copyable {
    private let path: FilePath
    private let owned: OwnedDescriptor
    private let device: DeviceID
    private let inode: Inode

    /// Opens the file, and creates it where it is not there.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - synced: Whether the directory has to hold a new file durably, too.
    /// - Throws: ``AuditLogError`` with the path, what was found there and the remedy.
    init(opening path: FilePath, synced: Bool) throws(AuditLogError) {
        let name = try Self.name(of: path)
        let directory = try Self.openDirectory(of: path)
        defer { try? directory.close() }

        let opened = try Self.openFile(name, in: directory, path: path, synced: synced)
        let owned: OwnedDescriptor
        do throws(Errno) {
            // In a daemon without standard streams the file would stand in the place of one, and a job would get it.
            owned = try OwnedDescriptor(moving: opened.rawValue)
        } catch {
            throw Self.failure(path, "could not be kept open; raise the limit on open files (RLIMIT_NOFILE)", error)
        }
        let found = try Self.inspect(FileDescriptor(rawValue: owned.rawValue), path: path)
        self.path = path
        self.owned = owned
        device = found.deviceID
        inode = found.inode
    }

    /// Says whether the file and its directory would be accepted; the file need not be there.
    static func examine(_ path: FilePath) throws(AuditLogError) {
        let name = try name(of: path)
        let directory = try openDirectory(of: path)
        defer { try? directory.close() }

        let opened = unsafe openat(directory.rawValue, name, flags)
        guard opened >= 0 else {
            guard Errno.last == .noSuchFileOrDirectory else { throw refusal(path, Errno.last) }
            guard unsafe faccessat(directory.rawValue, ".", W_OK | X_OK, AT_EACCESS) == 0 else {
                throw failure(path, "cannot be created in its directory; \(nameAnother)", Errno.last)
            }
            return
        }
        let descriptor = FileDescriptor(rawValue: opened)
        defer { try? descriptor.close() }
        _ = try inspect(descriptor, path: path)
    }

    private var descriptor: FileDescriptor { FileDescriptor(rawValue: owned.rawValue) }

    /// Whether the path still leads to this file; not so after the file was rotated away.
    ///
    /// The corresponding system calls are `fstatat(2)` now and `fstat(2)` when the file was opened.
    func isCurrent() -> Bool {
        guard let found = try? Stat(path, followTargetSymlink: false) else { return false }
        return found.deviceID == device && found.inode == inode
    }

    /// Appends one record with one `write(2)`.
    ///
    /// Linux writes a record to a regular file that is open with `O_APPEND` at its end and in one piece, also when
    /// several processes append. A short write happens only where there is no room for the rest; whoever made it, this
    /// process or another one or one before a restart, the next record begins on a line of its own.
    ///
    /// - Parameters:
    ///   - line: The record, its line feed included.
    ///   - synced: Whether the record has to be on the disk.
    /// - Throws: ``AuditLogError`` when not all of it was written.
    func append(_ line: [UInt8], synced: Bool) throws(AuditLogError) {
        let bytes = try endsInsideLine() ? [UInt8(ascii: "\n")] + line : line
        let written: Int
        do {
            written = try unsafe bytes.withUnsafeBytes { unsafe try descriptor.write($0) }
        } catch {
            throw Self.failure(path, "could not be written; \(Self.makeRoom)", error)
        }
        guard written == bytes.count else {
            throw Self.failure(path, "took \(written) of \(bytes.count) bytes of a record; \(Self.makeRoom)")
        }
        guard synced else { return }
        guard fdatasync(descriptor.rawValue) == 0 else {
            throw Self.failure(path, "could not be brought to the disk; look for faults of the disk", Errno.last)
        }
    }

    /// Whether the last record in the file was written in part only.
    ///
    /// Linux lets the size of a file grow page by page, so a record that another process is writing looks like a part,
    /// too; that is over a moment later. Should it take longer, an empty line comes between the two, and nothing is lost.
    private func endsInsideLine() throws(AuditLogError) -> Bool {
        for look in 1...Self.looks {
            guard try lastByte() != UInt8(ascii: "\n") else { return false }
            if look < Self.looks { usleep(1_000) }
        }
        return true
    }

    /// The last byte of the file; a line feed when it is empty.
    private func lastByte() throws(AuditLogError) -> UInt8 {
        var last = UInt8(ascii: "\n")
        do {
            let size = try descriptor.stat().size
            guard size > 0 else { return last }
            // Nothing is read where the file was cut off in between; a record then begins at its start.
            _ = try unsafe withUnsafeMutableBytes(of: &last) {
                try unsafe descriptor.read(fromAbsoluteOffset: size - 1, into: $0)
            }
        } catch {
            throw Self.failure(path, "could not be read to find where its last record ends", error)
        }
        return last
    }

    private static let looks = 10

    private static let makeRoom = "make room on its file system, or raise the limit on file sizes (RLIMIT_FSIZE)"

    private static let flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK

    private static func name(of path: FilePath) throws(AuditLogError) -> String {
        guard let name = path.lastComponent, name.kind == .regular, !path.string.utf8.contains(0) else {
            throw AuditLogError(destination: path.string, message: "names no file; name a file in a directory")
        }
        return name.string
    }

    private static let nameAnother = "name a file in a directory of the account that writes it"

    private static func openDirectory(of path: FilePath) throws(AuditLogError) -> FileDescriptor {
        let parent = path.removingLastComponent()
        let directoryPath = parent.isEmpty ? FilePath(".") : parent
        let directory: FileDescriptor
        let found: Stat
        do {
            directory = try FileDescriptor.open(directoryPath, .readOnly, options: [.directory, .closeOnExec])
        } catch {
            throw failure(path, "its directory \(directoryPath) cannot be opened; create it with mode 0700", error)
        }
        do throws(Errno) {
            found = try directory.stat()
        } catch {
            try? directory.close()
            throw failure(path, "its directory \(directoryPath) cannot be examined", error)
        }
        let owner = found.userID.rawValue
        if owner != 0, owner != geteuid() {
            try? directory.close()
            throw failure(
                path,
                "its directory \(directoryPath) belongs to uid \(owner), who could replace the file; "
                    + "use a directory of uid \(geteuid()) or of root"
            )
        }
        let writers = found.permissions.intersection([.groupWrite, .otherWrite])
        guard writers.isEmpty || found.permissions.contains(.saveText) else {
            try? directory.close()
            throw failure(
                path,
                "others may write to its directory \(directoryPath) (mode \(octal(found.permissions))) and so replace "
                    + "the file; chmod go-w \(directoryPath)"
            )
        }
        return directory
    }

    private static func openFile(
        _ name: String,
        in directory: FileDescriptor,
        path: FilePath,
        synced: Bool
    ) throws(AuditLogError) -> FileDescriptor {
        // Rotation may take the file away between the two calls; nobody takes it away again and again.
        for _ in 0..<16 {
            let created = unsafe openat(directory.rawValue, name, flags | O_CREAT | O_EXCL, 0o600)
            if created >= 0 {
                // The umask of the daemon may have taken even the owner's bits away.
                let descriptor = FileDescriptor(rawValue: created)
                let failed = fchmod(created, 0o600) != 0 || (synced && fsync(directory.rawValue) != 0)
                guard failed else { return descriptor }
                let number = Errno.last
                try? descriptor.close()
                throw failure(path, "was created but could not be given mode 0600", number)
            }
            guard Errno.last == .fileExists else {
                throw failure(path, "cannot be created in its directory; \(nameAnother)", Errno.last)
            }
            let opened = unsafe openat(directory.rawValue, name, flags)
            if opened >= 0 { return FileDescriptor(rawValue: opened) }
            let number = Errno.last
            guard number == .noSuchFileOrDirectory || number == .interrupted else { throw refusal(path, number) }
        }
        throw failure(path, "comes and goes while it is opened; look for what moves it")
    }

    /// What it means that a file that is there cannot be opened.
    private static func refusal(_ path: FilePath, _ number: Errno) -> AuditLogError {
        switch number {
        case .tooManySymbolicLinkLevels:
            failure(path, "is a symbolic link; remove it, or name the file it leads to")
        case .isDirectory:
            failure(path, "is a directory; name a file in it")
        case .noSuchAddressOrDevice:
            failure(path, "is a FIFO, a socket or a device, not a regular file; remove it")
        default:
            failure(path, "could not be opened; look after its owner and mode", number)
        }
    }

    private static func inspect(_ descriptor: FileDescriptor, path: FilePath) throws(AuditLogError) -> Stat {
        let found: Stat
        do throws(Errno) {
            found = try descriptor.stat()
        } catch {
            throw failure(path, "could not be examined", error)
        }
        guard found.type == .regular else {
            throw failure(path, "is a FIFO, a socket or a device, not a regular file; remove it")
        }
        guard found.userID.rawValue == geteuid() else {
            throw failure(
                path,
                "belongs to uid \(found.userID.rawValue), not to uid \(geteuid()) that writes it; "
                    + "move it away, or chown \(geteuid()) \(path)"
            )
        }
        guard found.linkCount == 1 else {
            throw failure(path, "has \(found.linkCount) names (hard links), not one; move it away or remove the others")
        }
        let others = found.permissions.intersection([.groupReadWriteExecute, .otherReadWriteExecute])
        guard others.isEmpty else {
            throw failure(path, "is open to others (mode \(octal(found.permissions))); chmod 600 \(path)")
        }
        return found
    }

    private static func octal(_ permissions: FilePermissions) -> String {
        "0" + String(permissions.rawValue, radix: 8)
    }

    private static func failure(_ path: FilePath, _ message: String, _ error: (any Error)? = nil) -> AuditLogError {
        AuditLogError(destination: path.string, errno: error as? Errno, message: message)
    }
}

extension Errno {
    /// The number the last failed system call of this thread left behind.
    fileprivate static var last: Errno { Errno(rawValue: errno) }
}
