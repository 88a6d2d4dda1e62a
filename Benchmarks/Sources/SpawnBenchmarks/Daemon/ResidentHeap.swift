import Glibc

/// Memory that a daemon holds and has written to, page by page.
struct ResidentHeap {
    /// Grows the resident memory of this process to a size, with pages of 4 KiB.
    ///
    /// Huge pages are switched off, because most of a real heap that has grown over weeks does not consist of them, and
    /// because whether the kernel finds any differs from run to run. The memory stays until the process ends.
    ///
    /// - Parameter target: The size to reach, in bytes.
    /// - Throws: ``BenchmarkError`` when the kernel does not give it.
    static func grow(to target: Int) throws {
        let missing = target - ProcessFile.residentBytes
        guard missing > 0 else { return }
        guard let memory = unsafe mmap(nil, missing, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe memory != MAP_FAILED
        else {
            throw BenchmarkError("the kernel gives this process no \(missing >> 20) MiB (errno \(errno))")
        }
        guard unsafe madvise(memory, missing, MADV_NOHUGEPAGE) == 0 || errno == EINVAL else {
            throw BenchmarkError("huge pages could not be switched off (errno \(errno))")
        }
        for offset in stride(from: 0, to: missing, by: Int(getpagesize())) {
            unsafe memory.storeBytes(
                of: UInt8(truncatingIfNeeded: offset >> 12) | 1,
                toByteOffset: offset,
                as: UInt8.self
            )
        }
    }
}
