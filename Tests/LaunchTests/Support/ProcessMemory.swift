import Glibc
import SystemPackage

@testable import LaunchPlan

/// Where a process has bytes of a text: its command line, its environment, its memory.
enum ProcessMemory {
    /// Looks for a text.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - process: Whose memory; root may look at everybody's.
    /// - Returns: The places.
    /// - Throws: When it is not to be read.
    static func places(of text: String, in process: pid_t) throws -> [String] {
        let wanted = Array(text.utf8)
        var found: [String] = []
        for file in ["cmdline", "environ"] {
            let bytes = try ProcFile.read(FilePath("/proc/\(process)/\(file)"))
            if bytes.contains(text) { found.append(file) }
        }
        let memory = try FileDescriptor.open(FilePath("/proc/\(process)/mem"), .readOnly)
        defer { try? memory.close() }
        for line in try ProcFile.read(FilePath("/proc/\(process)/maps")).split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            let ends = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard ends.count == 2, words[1].hasPrefix("rw"), ends[1] - ends[0] <= 64 << 20 else { continue }
            let size = Int(ends[1] - ends[0])
            var bytes = [UInt8](repeating: 0, count: size)
            let count = unsafe bytes.withUnsafeMutableBytes { bytes in
                unsafe pread(memory.rawValue, bytes.baseAddress, size, off_t(ends[0]))
            }
            guard count > 0 else { continue }
            let isThere = unsafe bytes.withUnsafeBytes { unsafe Self.has($0.prefix(count), wanted) }
            if isThere { found.append(words.last.map(String.init) ?? "?") }
        }
        return found
    }

    /// Memory has a great many bytes, and a search of Swift's own takes a great while.
    @unsafe
    private static func has(_ bytes: Slice<UnsafeRawBufferPointer>, _ wanted: [UInt8]) -> Bool {
        guard var next = unsafe UnsafeRawBufferPointer(rebasing: bytes).baseAddress else { return false }
        let end = unsafe next + bytes.count
        while unsafe end - next >= wanted.count,
            let found = unsafe memchr(next, Int32(wanted[0]), end - next - wanted.count + 1)
        {
            if unsafe memcmp(found, wanted, wanted.count) == 0 { return true }
            unsafe next = UnsafeRawPointer(found) + 1
        }
        return false
    }
}
