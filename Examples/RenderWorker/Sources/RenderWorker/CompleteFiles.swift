import Glibc
import Synchronization
import SystemPackage

/// The files of a directory whose writers have closed them, by the events of `inotify(7)`.
final class CompleteFiles: Sendable {
    /// Names that are remembered; beyond it a file has to wait until it has settled.
    private static let most = 10_000

    private let names = Mutex<Set<FilePath.Component>>([])

    /// Forgets a name, and tells whether it was there.
    func remove(_ name: FilePath.Component) -> Bool {
        names.withLock { $0.remove(name) != nil }
    }

    /// Reads every event that is there.
    ///
    /// - Parameter descriptor: The descriptor of `inotify_init1`, which does not wait.
    func readEvents(from descriptor: Int32) {
        let header = MemoryLayout<inotify_event>.size
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            var offset = 0
            while offset + header <= count {
                let event = unsafe buffer.withUnsafeBytes {
                    unsafe $0.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                }
                let end = offset + header + Int(event.len)
                guard end <= count else { return }
                if event.mask & UInt32(IN_CLOSE_WRITE | IN_MOVED_TO) != 0 {
                    insert(buffer[(offset + header)..<end])
                }
                offset = end
            }
        }
    }

    /// Remembers a name that the kernel has filled up with zero bytes.
    private func insert(_ padded: ArraySlice<UInt8>) {
        let bytes = padded.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
        let name = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe bytes.baseAddress.flatMap { unsafe FilePath.Component(platformString: $0) }
        }
        guard let name else { return }
        names.withLock { names in
            if names.count >= Self.most { names.removeAll() }
            names.insert(name)
        }
    }
}
