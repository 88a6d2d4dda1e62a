import Glibc
import SystemPackage

/// A copy of a program that nobody can execute as long as this process holds a lease on it.
struct HeldProgram {
    private let path: FilePath
    private let file: FileDescriptor

    /// Copies a program and takes the lease.
    init(copyOf program: FilePath, at path: FilePath) throws {
        self.path = path
        let source = try FileDescriptor.open(program, .readOnly, options: .closeOnExec)
        defer { try? source.close() }
        file = try FileDescriptor.open(
            path,
            .readWrite,
            options: [.create, .exclusiveCreate, .closeOnExec],
            permissions: [.ownerReadWriteExecute, .groupReadExecute, .otherReadExecute]
        )
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = try unsafe block.withUnsafeMutableBytes({ try unsafe source.read(into: $0) }), count > 0
        {
            try file.writeAll(block.prefix(count))
        }
        guard fchmod(file.rawValue, 0o755) == 0 else { throw Errno(rawValue: errno) }
        // Whoever waits is announced by a signal, SIGIO unless set, which would end this process; SIGURG does nothing.
        guard fcntl(file.rawValue, Self.setSignal, SIGURG) == 0, fcntl(file.rawValue, Self.setLease, F_WRLCK) == 0
        else {
            let error = Errno(rawValue: errno)
            remove()
            throw Violation(message: "no lease can be had on \(path): \(error); take another scratch directory")
        }
    }

    /// Lets those who wait go on.
    func release() {
        _ = fcntl(file.rawValue, Self.setLease, F_UNLCK)
    }

    /// Removes the program, once.
    func remove() {
        try? file.close()
        _ = unsafe path.withPlatformString { unsafe unlink($0) }
    }

    // Those of `fcntl.h` that Swift does not see because they are extensions of Linux.
    private static let setLease: Int32 = 1_024
    private static let setSignal: Int32 = 10
}
