import Glibc
import SystemPackage

/// A cgroup with little of the processor, for the load and the attack: what they cost beside it is not for want of a processor.
///
/// It is one of version 1 (`cpu.cfs_quota_us`), since few machines hand its `cpu` controller down to version 2, and on a mount of its own:
/// the test bed lets nobody write to that of the machine.
struct ProcessorLimit {
    private let mountPoint: FilePath
    private let group: FilePath

    /// Makes the cgroup.
    ///
    /// - Parameters:
    ///   - percent: How much of one processor its processes have together.
    ///   - directory: Where it can be mounted.
    /// - Throws: `BenchmarkError` where the machine has no such controller, and `Errno` of its files.
    init(percent: Int, below directory: FilePath) throws {
        mountPoint = directory.appending("cpu")
        group = mountPoint.appending("spawn-benchmarks-\(getpid())")
        guard unsafe mkdir(mountPoint.string, 0o700) == 0,
            unsafe mount("cgroup", mountPoint.string, "cgroup", 0, "cpu") == 0
        else {
            throw BenchmarkError("this machine has no cpu controller in cgroup v1: \(Errno(rawValue: errno))")
        }
        guard unsafe mkdir(group.string, 0o755) == 0 else {
            throw BenchmarkError("\(group) cannot be made: \(Errno(rawValue: errno))")
        }
        let period = 100_000
        try write("\(period)", to: "cpu.cfs_period_us")
        try write("\(period * percent / 100)", to: "cpu.cfs_quota_us")
    }

    /// Puts processes into it; those they fork from then on are in it as well.
    ///
    /// - Throws: `Errno` of `cgroup.procs`.
    func add(_ processes: [Int32]) throws {
        for process in processes {
            do {
                try write("\(process)", to: "cgroup.procs")
            } catch Errno.noSuchProcess {
                // It has ended meanwhile.
            }
        }
    }

    /// Takes it away, once nothing is in it any more.
    func remove() {
        _ = unsafe rmdir(group.string)
        _ = unsafe umount2(mountPoint.string, CInt(MNT_DETACH))
        _ = unsafe rmdir(mountPoint.string)
    }

    private func write(_ text: String, to name: String) throws {
        let file = try FileDescriptor.open(group.appending(name), .writeOnly)
        try file.closeAfter { _ = try file.writeAll(text.utf8) }
    }
}
