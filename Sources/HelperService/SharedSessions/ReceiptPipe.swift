import Glibc
import LaunchPlan
import SystemPackage

/// What those who wait for a job in a session tell the one that keeps it: that they have received something.
///
/// Each number of a process is one write, which a pipe takes whole (`PIPE_BUF`, `pipe(7)`); there is room for more of them than
/// processes ever wait.
struct ReceiptPipe {
    private let reading: OwnedDescriptor
    private let writing: OwnedDescriptor

    /// Makes one.
    ///
    /// - Throws: `Errno` when the kernel has no descriptor left.
    init() throws(Errno) {
        (reading, writing) = try OwnedDescriptor.pipe()
        for end in [reading, writing] {
            guard fcntl(end.rawValue, F_SETFL, O_NONBLOCK) == 0 else { throw Errno(rawValue: errno) }
        }
    }

    /// Can be read when somebody has said something.
    var descriptor: Int32 { reading.rawValue }

    /// Says that this process waits no more, however long it takes over what it has received.
    func tell() {
        var process = getpid()
        _ = unsafe write(writing.rawValue, &process, MemoryLayout<Int32>.size)
    }

    /// Who has said so since it was asked last.
    func receivers() -> [Int32] {
        var found: [Int32] = []
        var process: Int32 = 0
        while unsafe read(reading.rawValue, &process, MemoryLayout<Int32>.size) == MemoryLayout<Int32>.size {
            found.append(process)
        }
        return found
    }
}
