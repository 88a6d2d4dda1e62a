import CHelperService
import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

/// The pages of memory that a launch uses, for the processes that are forked for launches.
///
/// A forked process shares every page that can be written to until it does so, and has none of a program's own mapped at all. So
/// most of what a launch costs would be the kernel's answers to its first steps, page by page, while a daemon waits. Each process
/// takes them at once instead (`MADV_POPULATE_WRITE`, `MADV_POPULATE_READ` of `madvise(2)`, Linux 5.14) before it waits for a
/// daemon: those that a process forked for it has used in a rehearsal, and no others, for each costs a microsecond. Where the
/// kernel cannot do or tell it, a launch takes the longer way.
struct WarmPages {
    /// Pages that lie side by side.
    private struct Run {
        var start: UInt
        var end: UInt
        let advice: Int32
    }

    private let runs: [Run]

    /// Bits of `/proc/PID/pagemap`: in memory; of a file or shared; in no other process.
    private static let present: UInt64 = 1 << 63
    private static let ofFile: UInt64 = 1 << 61
    private static let own: UInt64 = 1 << 56

    /// More than a helper has; what is bigger belongs to some module and is left alone.
    private static let largestMapping: UInt = 16 << 20

    /// How long a rehearsal may take.
    private static let patience = Duration.seconds(10)

    /// Finds the pages that a rehearsal uses, in a process forked for it.
    ///
    /// - Parameter rehearse: What uses them.
    init(usedBy rehearse: () -> Void) {
        guard let maps = try? ProcFile.read("/proc/self/maps"), let (reading, writing) = try? OwnedDescriptor.pipe()
        else {
            runs = []
            return
        }
        let mappings = maps.split(separator: "\n").compactMap(Mapping.init)
        let scout = helper_fork()
        if scout == 0 {
            rehearse()
            Self.tell(Self.runs(in: mappings), over: writing)
            _exit(0)
        }
        writing.closeNow()
        guard scout > 0 else {
            runs = []
            return
        }
        runs = Self.hear(from: reading)
        // It has said all it has to say, or takes too long.
        _ = kill(scout, SIGKILL)
        let process = OwnedDescriptor(linux_pidfd_open(scout))
        _ = Waiting.wait(for: [process.rawValue], until: .now + Self.patience)
        // One that hangs in the kernel is reaped when it is gone.
        var status: Int32 = 0
        _ = unsafe waitpid(scout, &status, WNOHANG)
    }

    /// Takes the pages, in a process that has been forked since.
    func populate() {
        for run in runs {
            let start = unsafe UnsafeMutableRawPointer(bitPattern: run.start)
            _ = unsafe madvise(start, Int(run.end - run.start), run.advice)
        }
    }

    /// A part of memory that is of interest (`/proc/PID/maps`).
    private struct Mapping {
        let start: UInt
        let end: UInt
        let isWritable: Bool

        init?(_ line: Substring) {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            guard words.count > 1 else { return nil }
            let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard words[1].last == "p", words[1].first == "r", ends.count == 2, ends[0] < ends[1],
                ends[1] - ends[0] <= WarmPages.largestMapping
            else { return nil }
            (start, end, isWritable) = (ends[0], ends[1], words[1].dropFirst().first == "w")
        }
    }

    /// What this process uses, which has had nothing of its own at its beginning.
    private static func runs(in mappings: [Mapping]) -> [Run] {
        guard let map = try? FileDescriptor.open(FilePath("/proc/self/pagemap"), .readOnly, options: .closeOnExec)
        else { return [] }
        defer { try? map.close() }
        let size = UInt(getpagesize())
        var runs: [Run] = []
        for mapping in mappings {
            let entries = entries(of: mapping, size, map)
            for (index, entry) in entries.enumerated() where isUsed(entry, isWritable: mapping.isWritable) {
                let start = mapping.start + UInt(index) * size
                if index > 0, let last = runs.last, last.end == start {
                    runs[runs.count - 1].end = start + size
                } else {
                    let advice = mapping.isWritable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ
                    runs.append(Run(start: start, end: start + size, advice: advice))
                }
            }
        }
        return runs
    }

    private static func isUsed(_ entry: UInt64, isWritable: Bool) -> Bool {
        isWritable
            ? entry & (present | ofFile | own) == present | own
            : entry & (present | ofFile) == present | ofFile
    }

    private static func entries(of mapping: Mapping, _ size: UInt, _ map: FileDescriptor) -> [UInt64] {
        unsafe [UInt64](unsafeUninitializedCapacity: Int((mapping.end - mapping.start) / size)) { buffer, count in
            let offset = Int64(mapping.start / size) * Int64(MemoryLayout<UInt64>.stride)
            let bytes = try? unsafe map.read(fromAbsoluteOffset: offset, into: UnsafeMutableRawBufferPointer(buffer))
            count = (bytes ?? 0) / MemoryLayout<UInt64>.stride
        }
    }

    private static func tell(_ runs: [Run], over writing: OwnedDescriptor) {
        let bytes = unsafe runs.withUnsafeBytes { unsafe Array($0) }
        // More than there is room for at once is told in part.
        _ = unsafe write(writing.rawValue, bytes, bytes.count)
    }

    private static func hear(from reading: OwnedDescriptor) -> [Run] {
        let deadline = ContinuousClock.now + patience
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while !Waiting.wait(for: [reading.rawValue], until: deadline).isEmpty {
            let count = unsafe read(reading.rawValue, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        return unsafe bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / MemoryLayout<Run>.stride)
                .map { unsafe bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Run>.stride, as: Run.self) }
        }
    }
}
