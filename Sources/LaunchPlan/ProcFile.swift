package import SystemPackage

/// Small files of `/proc` and `/sys`, read whole.
package enum ProcFile {
    private static let chunk = 4_096
    private static let largest = 1 << 20

    /// Reads a file.
    ///
    /// - Parameter path: The file.
    /// - Returns: Its text, at most one MiB.
    /// - Throws: `Errno` of `open(2)` or `read(2)`.
    package static func read(_ path: FilePath) throws(Errno) -> String {
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            defer { try? file.close() }
            var bytes: [UInt8] = []
            while bytes.count < largest {
                let part = try unsafe [UInt8](unsafeUninitializedCapacity: chunk) { buffer, count in
                    count = try unsafe file.read(into: UnsafeMutableRawBufferPointer(buffer))
                }
                guard !part.isEmpty else { break }
                bytes.append(contentsOf: part)
            }
            return String(decoding: bytes, as: UTF8.self)
        } catch let error as Errno {
            throw error
        } catch {
            throw .ioError
        }
    }
}
