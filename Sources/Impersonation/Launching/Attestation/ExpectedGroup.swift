import Glibc
import LaunchPlan
import SystemPackage

/// The cgroup that a job is to be in, as far as the daemon can tell it from another.
struct ExpectedGroup {
    let path: FilePath

    /// What the kernel calls it; `nil` where this process does not see it.
    let kernelID: UInt64?

    /// A group that this process has made.
    init(_ group: ControlGroup) {
        path = group.path
        // No group has the number 0, so one that cannot be told is not taken for the right one.
        kernelID = group.kernelID ?? 0
    }

    /// A group that the system helper has made: below a file system of cgroups that this process may not have, or only a part of.
    ///
    /// Then it is known by its name, which nobody can guess, in `/proc`.
    init(at path: FilePath) {
        var status = stat()
        self.path = path
        kernelID = unsafe path.withPlatformString { unsafe stat($0, &status) } == 0 ? UInt64(status.st_ino) : nil
    }

    /// Whether a process is in it.
    ///
    /// - Throws: `Errno` when `/proc` does not say.
    func contains(_ processID: Int32) throws(Errno) -> Bool {
        guard let name = path.lastComponent?.string else { return false }
        return try ProcFile.read(FilePath("/proc/\(processID)/cgroup")).contains("/\(name)\n")
    }
}
