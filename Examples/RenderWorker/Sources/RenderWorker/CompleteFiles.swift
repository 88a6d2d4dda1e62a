import Glibc
import Synchronization
import SystemPackage

/// The files of watched directories whose writers have closed them, by the events of `inotify(7)`.
final class CompleteFiles: Sendable {
    /// Names that are remembered; beyond it a file has to wait until it has settled.
    private static let most = 10_000

    private let entrances: [Int32: SpoolFolder]
    private let files = Mutex<Set<Arrival>>([])

    /// Knows of no file yet.
    ///
    /// - Parameter entrances: The directories by their watch descriptors.
    init(in entrances: [Int32: SpoolFolder]) {
        self.entrances = entrances
    }

    /// Forgets a file, and tells whether it was there.
    func remove(_ file: Arrival) -> Bool {
        files.withLock { $0.remove(file) != nil }
    }

    /// Remembers a file.
    func insert(_ file: Arrival) {
        files.withLock { files in
            if files.count >= Self.most { files.removeAll() }
            files.insert(file)
        }
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
                if event.mask & UInt32(IN_CLOSE_WRITE | IN_MOVED_TO) != 0, let entrance = entrances[event.wd] {
                    insert(buffer[(offset + header)..<end], in: entrance)
                }
                offset = end
            }
        }
    }

    /// Remembers a name that the kernel has filled up with zero bytes.
    private func insert(_ padded: ArraySlice<UInt8>, in entrance: SpoolFolder) {
        let bytes = padded.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
        let name = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe bytes.baseAddress.flatMap { unsafe FilePath.Component(platformString: $0) }
        }
        if let name { insert(Arrival(entrance: entrance, name: name)) }
    }
}
