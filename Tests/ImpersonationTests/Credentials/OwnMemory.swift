import Glibc
import SystemPackage
import Testing

/// The memory of this very process, as the kernel describes and shows it.
enum OwnMemory {
    /// A mapping of the process.
    struct Region {
        let range: Range<UInt>
        let isReadable: Bool
    }

    /// The shadow of a sanitizer has terabytes, none of which hold what the program has written anywhere.
    private static let largestRegion = 16 << 30

    /// The `VmFlags` of `/proc/self/smaps` for the mapping that an address lies in, as proc(5) names them.
    static func flags(at address: UInt) throws -> Set<Substring> {
        var isInside = false
        for line in try text(of: "/proc/self/smaps").split(separator: "\n") {
            if let region = region(line) { isInside = region.range.contains(address) }
            if isInside, line.hasPrefix("VmFlags:") { return Set(line.split(separator: " ").dropFirst()) }
        }
        return []
    }

    /// Counts where the needle lies in all memory that the kernel lets the process read of itself.
    ///
    /// The needle comes masked, every byte XORed with `mask`, so that looking for it does not add to it.
    static func occurrences(ofMasked needle: [UInt8], mask: UInt8) throws -> Int {
        let memory = try FileDescriptor.open(FilePath("/proc/self/mem"), .readOnly)
        defer { try? memory.close() }
        let chunk = 1 << 20
        let size = chunk + needle.count - 1
        // Mapped apart, so that what was read is not found once more in the buffer it was read into.
        let buffer = try unsafe #require(
            mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        )
        let own = UInt(bitPattern: buffer)..<UInt(bitPattern: buffer) + UInt(size)
        defer { unsafe munmap(buffer, size) }
        var found = 0
        for region in try text(of: "/proc/self/maps").split(separator: "\n").compactMap(region)
        where region.isReadable && region.range.count < largestRegion {
            var position = region.range.lowerBound
            while position < region.range.upperBound {
                let length = min(size, Int(region.range.upperBound - position))
                let into = unsafe UnsafeMutableRawBufferPointer(start: buffer, count: length)
                // A region may be readable and yet not be read: memfd_secret answers EIO, which is what it is for.
                if !own.overlaps(position..<position + UInt(length)),
                    let count = try? unsafe memory.read(fromAbsoluteOffset: Int64(position), into: into)
                {
                    unsafe found += matches(
                        of: needle,
                        mask: mask,
                        in: UnsafeRawBufferPointer(rebasing: into[..<count])
                    )
                }
                position += UInt(chunk)
            }
        }
        return found
    }

    /// Reads once from a descriptor.
    static func read(_ descriptor: FileDescriptor, upTo limit: Int) throws -> [UInt8] {
        try unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = try unsafe descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    private static func matches(of needle: [UInt8], mask: UInt8, in bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count >= needle.count, let base = bytes.baseAddress else { return 0 }
        let first = Int32(needle[0] ^ mask)
        var found = 0
        var start = 0
        while start <= bytes.count - needle.count,
            let hit = unsafe memchr(base + start, first, bytes.count - needle.count + 1 - start)
        {
            let offset = unsafe UnsafeRawPointer(hit) - base
            if needle.indices.allSatisfy({ unsafe bytes[offset + $0] == needle[$0] ^ mask }) { found += 1 }
            start = offset + 1
        }
        return found
    }

    private static func region(_ line: Substring) -> Region? {
        let fields = line.split(separator: " ", maxSplits: 2)
        guard fields.count == 3 else { return nil }
        let bounds = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard bounds.count == 2, bounds[0] < bounds[1] else { return nil }
        return Region(range: bounds[0]..<bounds[1], isReadable: fields[1].hasPrefix("r"))
    }

    private static func text(of path: FilePath) throws -> String {
        let file = try FileDescriptor.open(path, .readOnly)
        defer { try? file.close() }
        var bytes: [UInt8] = []
        while true {
            let part = try read(file, upTo: 1 << 16)
            if part.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += part
        }
    }
}
