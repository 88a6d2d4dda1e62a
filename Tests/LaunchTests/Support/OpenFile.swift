import Glibc
import SystemPackage

@testable import LaunchPlan

/// An open file of which it can be told who has it, by its number among the files of the kernel (`proc_pid_fd(5)`).
struct OpenFile {
    private let name: String

    init(pipe descriptor: OwnedDescriptor) throws {
        var status = stat()
        guard unsafe fstat(descriptor.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        name = "pipe:[\(status.st_ino)]"
    }

    /// The processes that have it, or may have it still: one at its end has no descriptors any more before it has closed them all.
    var holders: Set<pid_t> {
        Set(namesIn("/proc").compactMap { pid_t($0) }.filter { mayHold($0) })
    }

    private func mayHold(_ process: pid_t) -> Bool {
        let directory = "/proc/\(process)/fd"
        let descriptors = namesIn(directory)
        // In this order: who had none and is a zombie, or gone, after that has closed them.
        guard !descriptors.isEmpty else {
            return KeptSessionProcesses.state(of: process).map { $0 != "Z" && $0 != "X" } ?? false
        }
        return descriptors.contains { descriptor in
            var target = [CChar](repeating: 0, count: 256)
            let size = unsafe readlink("\(directory)/\(descriptor)", &target, target.count)
            return size == name.utf8.count
                && target.prefix(size).map { UInt8(bitPattern: $0) } == Array(name.utf8)
        }
    }
}
