import Glibc
import SystemPackage
import Testing

@testable import LaunchPlan

/// A cgroup as a service manager delegates it to a daemon (`Delegate=yes` of systemd): with the controllers that the bed
/// has, and the daemon's to make groups in.
final class Unit {
    let path: FilePath

    /// Makes the group.
    ///
    /// - Parameter account: Who it is delegated to.
    /// - Throws: When the bed has no cgroups.
    init(for account: UInt32 = 0) throws {
        if TestBed.hasControllers {
            try Self.write("+cpu +memory +pids", to: TestBed.controlGroups.appending("cgroup.subtree_control"))
        }
        path = TestBed.controlGroups.appending("unit-\(getpid())-\(UInt32.random(in: 0 ... .max))")
        try #require(unsafe mkdir(path.string, 0o755) == 0)
        // The files that systemd hands over with the directory, and no other.
        for file in ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"] {
            try #require(unsafe chown(path.appending(file).string, account, account) == 0)
        }
    }

    /// Moves this process into the group.
    static func enter(_ path: FilePath) throws {
        try write("0", to: path.appending("cgroup.procs"))
    }

    private static func write(_ text: String, to file: FilePath) throws {
        let descriptor = try FileDescriptor.open(file, .writeOnly)
        try descriptor.closeAfter { _ = try descriptor.writeAll(text.utf8) }
    }

    /// Removes the group, and the empty ones that are left below it, as a service manager does.
    func remove() async throws {
        let deadline = ContinuousClock.now + ample
        while unsafe rmdir(path.string) != 0, ContinuousClock.now < deadline {
            for group in try below() { _ = unsafe rmdir(path.appending(group).string) }
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(!exists(path), "what was in \(path) is still there")
    }

    private func below() throws -> [String] {
        guard let directory = unsafe opendir(path.string) else { throw Errno(rawValue: errno) }
        defer { unsafe closedir(directory) }
        return unsafe DirectoryNames(directory).filter { !$0.hasPrefix(".") && !$0.contains("cgroup.") }
    }
}
