import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// Lines of sudoers that hold as long as the value does, in the bed's own `/etc`.
final class SudoRule {
    private let file: FilePath

    /// Adds lines behind those of the bed, so that they win.
    convenience init(_ lines: String...) throws { try self.init(lines, in: "/etc/sudoers.d") }

    /// The same for sudo-rs.
    convenience init(forRust lines: String...) throws { try self.init(lines, in: "/etc/sudoers-rs.d") }

    private init(_ lines: [String], in directory: FilePath) throws {
        file = directory.appending("test-\(UInt64.random(in: 0...UInt64.max))")
        let made = try FileDescriptor.open(
            file,
            .writeOnly,
            options: [.create, .exclusiveCreate],
            permissions: [.ownerRead, .groupRead]
        )
        try made.closeAfter { _ = try made.writeAll((lines.joined(separator: "\n") + "\n").utf8) }
    }

    deinit {
        remove()
    }

    func remove() {
        _ = unsafe unlink(file.string)
    }
}

/// A file of the bed with other contents for a while.
final class ReplacedFile {
    private let path: FilePath
    private let former: String

    init(_ path: FilePath, _ text: String) throws {
        self.path = path
        former = try ProcFile.read(path)
        try Self.write(text, to: path)
    }

    deinit {
        restore()
    }

    func restore() {
        try? Self.write(former, to: path)
    }

    private static func write(_ text: String, to path: FilePath) throws {
        let file = try FileDescriptor.open(path, .writeOnly, options: [.truncate])
        try file.closeAfter { _ = try file.writeAll(text.utf8) }
    }
}

/// Makes this process a daemon of an account.
func becomeDaemon(_ userID: UInt32) {
    var groups = [userID]
    #expect(unsafe setgroups(1, &groups) == 0)
    #expect(setgid(userID) == 0)
    #expect(setuid(userID) == 0)
    #expect(setuid(0) != 0)
}
