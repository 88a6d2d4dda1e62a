import CLaunchProtocol
import Glibc
import LaunchPlan
import SystemPackage

/// Memory that its maker gave up changing (`F_ADD_SEALS`, `fcntl(2)`): what is too large for a frame goes in it.
enum SealedMemory {
    /// Makes sealed memory.
    ///
    /// - Parameter bytes: What it holds.
    /// - Returns: Its descriptor.
    /// - Throws: `Errno` of `memfd_create(2)`, `write(2)` or `fcntl(2)`; `fileTooLarge` where the limit of file sizes
    ///   of this process is lower.
    static func holding(_ bytes: [UInt8]) throws(Errno) -> OwnedDescriptor {
        let file = unsafe bytes.withUnsafeBytes { unsafe frame_memory_create($0.baseAddress, $0.count, FRAME_SEALS) }
        guard file >= 0 else { throw Errno(rawValue: -file) }
        return try OwnedDescriptor(moving: file)
    }

    /// Copies what a peer has put into memory.
    ///
    /// - Parameters:
    ///   - file: What the peer has passed, which may be anything.
    ///   - size: How much the peer says it is.
    /// - Returns: The bytes, which nobody else can change.
    /// - Throws: When it is not sealed, of another size, or cannot be read.
    static func copy(of file: OwnedDescriptor, size: Int) throws(FrameError) -> [UInt8] {
        let unusable = FrameError(.notSealed, at: 0, in: "memory of the launch")
        let descriptor = file.rawValue
        // First of all: only then can neither its size nor its bytes change, and reading cannot wait for anybody.
        guard frame_is_sealed(descriptor) == 1 else { throw unusable }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw unusable }
        guard status.st_size == size else { throw FrameError(.contradiction, at: FrameHeader.size, in: "launch size") }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let rest = unsafe UnsafeMutableBufferPointer(rebasing: buffer[count..<size])
                let got = unsafe pread(descriptor, rest.baseAddress, rest.count, count)
                if got < 0, errno == EINTR { continue }
                guard got > 0 else { break }
                count += got
            }
        }
        guard bytes.count == size else { throw unusable }
        return bytes
    }
}
