import Glibc
import SystemPackage
import Testing

/// A directory of root's in the test bed, which root alone can write from the root down; gone when the test is done.
final class RootFolder {
    /// Whether the tests run inside `Scripts/testbed`.
    static let isAvailable = variable("IMPERSONATION_TEST_BED") == "1" && geteuid() == 0

    /// Whether root of the bed is root of the machine, and not just of a user namespace.
    static let hasMachineRoot = isAvailable && variable("IMPERSONATION_TEST_BED_ROOT") == "machine"

    /// Where it is.
    let path: FilePath

    init() throws {
        var template = Array(
            "\(Self.variable("IMPERSONATION_TEST_BED_DIR") ?? "/nonexistent")/helper-XXXXXX".utf8CString
        )
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> FilePath? in
            guard let start = buffer.baseAddress, let name = unsafe mkdtemp(start) else { return nil }
            return unsafe FilePath(platformString: name)
        }
        guard let made else { throw Errno(rawValue: errno) }
        path = made
        try check(unsafe chmod(made.string, 0o755))
    }

    deinit {
        Self.remove(path)
    }

    /// Writes a file and gives it a mode, whatever the umask.
    @discardableResult
    func write(_ text: String, to name: String, mode: mode_t = 0o600) throws -> FilePath {
        let file = path.appending(name)
        let descriptor = try FileDescriptor.open(
            file,
            .writeOnly,
            options: [.create, .truncate],
            permissions: .ownerReadWrite
        )
        try descriptor.closeAfter { _ = try descriptor.writeAll(Array(text.utf8)) }
        try check(unsafe chmod(file.string, mode))
        return file
    }

    @discardableResult
    func makeDirectory(_ name: String, mode: mode_t = 0o755) throws -> FilePath {
        let directory = path.appending(name)
        try check(unsafe mkdir(directory.string, 0o700))
        try check(unsafe chmod(directory.string, mode))
        return directory
    }

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

    private static func variable(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
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

extension Trait where Self == ConditionTrait {
    /// Runs the test only as root in the test bed; `make test` provides it and counts a skip as a failure.
    static var testBed: Self {
        .enabled(if: RootFolder.isAvailable, "needs root and the test bed: make test")
    }
}
