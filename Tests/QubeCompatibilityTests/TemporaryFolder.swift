import Glibc
import SystemPackage

/// A directory of a test's own, mode 0700, that is gone when the test is done with it.
final class TemporaryFolder {
    /// Where it is.
    let path: FilePath

    /// Makes a directory in `/tmp`, which is sticky and root's, so that trust reaches into it.
    init() throws {
        var template = Array("/tmp/qube-compatibility-XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> FilePath? in
            guard let start = buffer.baseAddress, let name = unsafe mkdtemp(start) else { return nil }
            return unsafe FilePath(platformString: name)
        }
        guard let made else { throw Errno(rawValue: errno) }
        path = made
    }

    deinit {
        Self.remove(path)
    }

    /// Writes a file and gives it a mode, whatever the umask.
    @discardableResult
    func write(_ text: String, to name: String, mode: mode_t = 0o644) throws -> FilePath {
        try write(Array(text.utf8), to: name, mode: mode)
    }

    /// Writes a file and gives it a mode, whatever the umask.
    @discardableResult
    func write(_ bytes: [UInt8], to name: String, mode: mode_t = 0o644) throws -> FilePath {
        let file = path.appending(name)
        let descriptor = try FileDescriptor.open(
            file,
            .writeOnly,
            options: [.create, .truncate],
            permissions: .ownerReadWrite
        )
        try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
        try check(unsafe chmod(file.string, mode))
        return file
    }

    /// Makes a directory in it.
    @discardableResult
    func makeDirectory(_ name: String, mode: mode_t = 0o755) throws -> FilePath {
        let directory = path.appending(name)
        try check(unsafe mkdir(directory.string, 0o700))
        try check(unsafe chmod(directory.string, mode))
        return directory
    }

    /// Makes a symbolic link in it.
    @discardableResult
    func link(_ name: String, to target: String) throws -> FilePath {
        let link = path.appending(name)
        try check(unsafe symlink(target, link.string))
        return link
    }

    /// Throws the error of a system call that did not return zero.
    func check(_ result: Int32) throws {
        guard result == 0 else { throw Errno(rawValue: errno) }
    }

    private static func remove(_ path: FilePath) {
        guard unsafe rmdir(path.string) != 0, errno == ENOTEMPTY else { return }
        guard let entries = unsafe opendir(path.string) else { return }
        var names: [String] = []
        while let entry = unsafe readdir(entries) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        unsafe closedir(entries)
        for name in names {
            let entry = path.appending(name)
            if unsafe unlink(entry.string) != 0 { remove(entry) }
        }
        unsafe rmdir(path.string)
    }
}
