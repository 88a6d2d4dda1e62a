import FoundationEssentials
import Glibc
import SystemPackage

/// The file of `--report`: written beside its place under a name nobody can guess, then moved there in one step.
///
/// The file beside is made before anything runs, so that a report that cannot be written keeps the command from
/// running. What stood in the place is replaced, never followed or written to.
struct ReportFile: ~Copyable {
    /// A report cannot be written.
    struct Failure: Error {
        let message: String
    }

    private let path: FilePath
    private let temporary: FilePath
    private let descriptor: FileDescriptor

    init(_ path: FilePath) throws(Failure) {
        guard let name = path.lastComponent, name.kind == .regular else {
            throw Failure(message: "\(path) names no file; name a file in a directory")
        }
        if let found = try? Stat(path, followTargetSymlink: false), found.type != .regular, found.type != .symbolicLink
        {
            throw Failure(message: "\(path) is there and is no regular file; name another one")
        }
        let temporary = path.removingLastComponent().appending(".\(name.string).\(UUID().uuidString)")
        let descriptor: FileDescriptor
        do {
            descriptor = try Self.create(temporary)
        } catch {
            throw Failure(message: "\(path) cannot be written: \(error); name a file in a directory you may write to")
        }
        self.path = path
        self.temporary = temporary
        self.descriptor = descriptor
    }

    /// Creates the file beside, never in the place of a standard stream: a job would get it for its own.
    private static func create(_ temporary: FilePath) throws -> FileDescriptor {
        let created = try FileDescriptor.open(
            temporary,
            .writeOnly,
            options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
            permissions: .ownerReadWrite
        )
        let moved = fcntl(created.rawValue, F_DUPFD_CLOEXEC, lowestDescriptor)
        let error = Errno(rawValue: errno)
        try? created.close()
        guard moved >= 0 else {
            _ = unsafe unlink(temporary.string)
            throw error
        }
        return FileDescriptor(rawValue: moved)
    }

    private static let lowestDescriptor: Int32 = 8

    /// Puts the report in its place; the file beside is gone, whatever happens.
    consuming func commit(_ report: Report) throws(Failure) {
        do {
            try descriptor.writeAll((try JSONText.line(report) + "\n").utf8)
            guard fchmod(descriptor.rawValue, 0o600) == 0,
                unsafe rename(temporary.string, path.string) == 0
            else { throw Errno(rawValue: errno) }
        } catch {
            throw Failure(message: "\(path) could not be written: \(error)")
        }
    }

    deinit {
        try? descriptor.close()
        _ = unsafe unlink(temporary.string)
    }
}
