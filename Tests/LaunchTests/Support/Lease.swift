import Faults
import Glibc
import SystemPackage

/// A write lease on a program: whoever executes it waits until the lease is broken (`fcntl(2)`, `F_SETLEASE`).
struct Lease {
    let file: FileDescriptor

    init(onCopyOf program: FilePath, at path: FilePath, owner: UInt32) throws {
        let source = try FileDescriptor.open(program, .readOnly)
        defer { try? source.close() }
        file = try FileDescriptor.open(
            path,
            .readWrite,
            options: [.create, .truncate, .closeOnExec],
            permissions: [.ownerReadWriteExecute, .groupReadExecute, .otherReadExecute]
        )
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe source.read(into: $0) }
        try file.writeAll(buffer.prefix(count))
        guard fchown(file.rawValue, owner, owner) == 0, fchmod(file.rawValue, 0o755) == 0 else {
            throw Errno(rawValue: errno)
        }
        // The kernel tells the holder by SIGIO that somebody waits; its default would end this process.
        signal(SIGIO, SIG_IGN)
        let result = take_write_lease(file.rawValue, owner)
        guard result == 0 else { throw Errno(rawValue: -result) }
    }
}
