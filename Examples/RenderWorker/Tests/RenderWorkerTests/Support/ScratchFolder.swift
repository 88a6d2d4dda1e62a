import Glibc
import SystemPackage

/// A directory of one test, gone with it.
final class ScratchFolder: Sendable {
    let path: FilePath

    init() throws {
        let parent = FilePath(unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp")
        path = parent.appending("render-worker-\(UInt64.random(in: .min ... .max))")
        try Self.check(unsafe path.withPlatformString { unsafe mkdir($0, 0o755) })
    }

    deinit {
        Self.remove(path)
    }

    /// Makes a file, complete with its owner and mode.
    func write(_ text: String, to path: FilePath, mode: UInt32 = 0o644, owner: UInt32 = 0) throws {
        try write(Array(text.utf8), to: path, mode: mode, owner: owner)
    }

    func write(_ bytes: [UInt8], to path: FilePath, mode: UInt32 = 0o644, owner: UInt32 = 0) throws {
        let file = try FileDescriptor.open(
            path,
            .writeOnly,
            options: [.create, .truncate],
            permissions: [.ownerReadWrite]
        )
        try file.closeAfter {
            _ = try file.writeAll(bytes)
            try Self.check(fchown(file.rawValue, owner, owner))
            try Self.check(fchmod(file.rawValue, mode))
        }
    }

    func read(_ path: FilePath) throws -> String {
        let file = try FileDescriptor.open(path, .readOnly)
        return try file.closeAfter {
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            let count = try unsafe bytes.withUnsafeMutableBytes { try unsafe file.read(into: $0) }
            return String(decoding: bytes[..<count], as: UTF8.self)
        }
    }

    /// The names in a directory, without what begins with a dot.
    func names(in path: FilePath) throws -> [String] {
        guard let stream = unsafe path.withPlatformString({ unsafe opendir($0) }) else {
            throw Errno(rawValue: errno)
        }
        defer { unsafe _ = closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// Throws when a C function says that it failed.
    static func check(_ result: Int32) throws {
        guard result == 0 else { throw Errno(rawValue: errno) }
    }

    private static func remove(_ path: FilePath) {
        let isGone = unsafe path.withPlatformString { path in
            if unsafe unlink(path) == 0 { return true }
            return unsafe rmdir(path) == 0
        }
        guard !isGone, let stream = unsafe path.withPlatformString({ unsafe opendir($0) }) else { return }
        var names: [FilePath.Component] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe FilePath.Component(platformString: $0)
                }
            }
            if let name, name.kind == .regular { names.append(name) }
        }
        unsafe _ = closedir(stream)
        for name in names { remove(path.appending(name)) }
        _ = unsafe path.withPlatformString { unsafe rmdir($0) }
    }

    /// Submits a shell script as alice; it is renamed into place as people are told to do.
    func submit(_ name: String, _ script: String, to spool: FilePath) throws {
        let draft = spool.appending("new/.\(name)")
        let text = #"{"spool": "\#(spool)", "command": ["/bin/sh", "-c", "\#(script)"]}"#
        try write(text, to: draft, owner: 2001)
        try Self.check(
            unsafe draft.withPlatformString { old in
                unsafe spool.appending("new/\(name)").withPlatformString { unsafe rename(old, $0) }
            }
        )
    }
}
