import Glibc
public import SystemPackage

/// A directory held open.
///
/// What is in it is reached through its descriptor, wherever its path leads meanwhile, and no symbolic link in it is
/// ever followed.
public final class Folder: Sendable {
    /// The path it was opened by.
    public let path: FilePath

    let descriptor: FileDescriptor

    /// Opens a directory.
    ///
    /// - Parameter path: The directory; its last component must not be a symbolic link.
    /// - Throws: `Errno` of `open(2)`.
    public init(opening path: FilePath) throws(Errno) {
        self.path = path
        let number = unsafe path.withPlatformString {
            unsafe Glibc.open($0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
        guard number >= 0 else { throw Errno(rawValue: errno) }
        descriptor = FileDescriptor(rawValue: number)
    }

    /// Opens a directory in another; the corresponding C function is `openat`.
    ///
    /// - Throws: `Errno`, `tooManySymbolicLinkLevels` or `notDirectory` when the name is a symbolic link.
    init(opening name: FilePath.Component, in folder: Folder) throws(Errno) {
        path = folder.path.appending(name)
        let number = unsafe name.withPlatformString {
            unsafe openat(folder.descriptor.rawValue, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
        guard number >= 0 else { throw Errno(rawValue: errno) }
        descriptor = FileDescriptor(rawValue: number)
    }

    /// Takes over an open directory.
    init(_ descriptor: FileDescriptor, path: FilePath) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        try? descriptor.close()
    }

    /// What the directory holds; the corresponding C functions are `fdopendir` and `readdir`.
    ///
    /// - Throws: `Errno` when it cannot be read.
    func names() throws(Errno) -> [FilePath.Component] {
        // A descriptor of its own, because reading moves the position and closing the stream closes it.
        let number = unsafe openat(descriptor.rawValue, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw Errno(rawValue: errno) }
        guard let stream = unsafe fdopendir(number) else {
            let error = Errno(rawValue: errno)
            close(number)
            throw error
        }
        defer { unsafe _ = closedir(stream) }
        var names: [FilePath.Component] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
                    unsafe FilePath.Component(platformString: $0)
                }
            }
            if let name, name.kind == .regular { names.append(name) }
        }
        return names
    }

    /// The facts of a name itself, not of what a link leads to; the corresponding C function is `fstatat`.
    ///
    /// - Throws: `Errno`, `noSuchFileOrDirectory` when it has vanished.
    func facts(of name: FilePath.Component) throws(Errno) -> FileFacts {
        var status = stat()
        let result = unsafe name.withPlatformString {
            unsafe fstatat(descriptor.rawValue, $0, &status, AT_SYMLINK_NOFOLLOW)
        }
        guard result == 0 else { throw Errno(rawValue: errno) }
        return FileFacts(status)
    }

    /// Opens a file for reading, without waiting for the other end of a FIFO or for the holder of a lease.
    ///
    /// - Throws: `Errno` of `openat(2)`.
    func open(_ name: FilePath.Component) throws(Errno) -> FileDescriptor {
        let number = unsafe name.withPlatformString {
            unsafe openat(descriptor.rawValue, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        }
        guard number >= 0 else { throw Errno(rawValue: errno) }
        return FileDescriptor(rawValue: number)
    }

    /// Moves a name into another directory, in place of what has the new name there.
    ///
    /// - Throws: `Errno` of `renameat(2)`.
    func move(_ name: FilePath.Component, to folder: Folder, as newName: FilePath.Component) throws(Errno) {
        let result = unsafe name.withPlatformString { old in
            unsafe newName.withPlatformString { new in
                unsafe renameat(descriptor.rawValue, old, folder.descriptor.rawValue, new)
            }
        }
        guard result == 0 else { throw Errno(rawValue: errno) }
    }

    /// Writes a new file, so that nobody ever sees half of it.
    ///
    /// - Throws: `Errno` of the system call that failed.
    func write(_ bytes: [UInt8], as name: FilePath.Component) throws(Errno) {
        guard let draft = FilePath.Component(".\(name.string).draft") else { throw .invalidArgument }
        let number = unsafe draft.withPlatformString {
            unsafe openat(descriptor.rawValue, $0, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
        }
        guard number >= 0 else { throw Errno(rawValue: errno) }
        let file = FileDescriptor(rawValue: number)
        do {
            try file.closeAfter {
                _ = try file.writeAll(bytes)
                guard fsync(number) == 0 else { throw Errno(rawValue: errno) }
            }
        } catch {
            throw (error as? Errno) ?? .ioError
        }
        try move(draft, to: self, as: name)
    }
}
