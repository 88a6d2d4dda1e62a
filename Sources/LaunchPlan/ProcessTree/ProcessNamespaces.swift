import Glibc

/// The namespaces that say what the number of a process and the time of its start mean (`pid_namespaces(7)`,
/// `time_namespaces(7)`).
package struct ProcessNamespaces: Hashable, Sendable {
    /// The one of numbers; 0 where it is not known.
    package let processes: UInt64

    /// The one of times; 0 where it is not known, and 1 where the kernel has none.
    package let times: UInt64

    package init(processes: UInt64, times: UInt64) {
        self.processes = processes
        self.times = times
    }

    /// Those of this process.
    package static var own: ProcessNamespaces {
        let processes = number(of: "pid")
        let times = number(of: "time")
        let hasNone = times == nil && errno == ENOENT && processes != nil
        return ProcessNamespaces(processes: processes ?? 0, times: times ?? (hasNone ? 1 : 0))
    }

    /// Whether both are known, and those of this process.
    package var areOwn: Bool { processes != 0 && times != 0 && self == .own }

    /// The inode of a namespace, which none has again as long as a process is in it.
    private static func number(of name: String) -> UInt64? {
        var status = stat()
        // Not of `self`: a first thread that has ended before the others (`pthread_exit(3)`) is in no namespace of times any more.
        return unsafe stat("/proc/thread-self/ns/\(name)", &status) == 0 ? UInt64(status.st_ino) : nil
    }
}
