import Glibc
package import SystemPackage

/// Reads a file once, from one descriptor, after looking at every step of the way to it.
package struct TrustedFile: Sendable {
    /// The bytes.
    package let bytes: [UInt8]

    /// What the file was before it was read, and still was afterwards.
    package let facts: FileFacts

    /// A moment at which somebody could interfere.
    package enum Moment: Sendable {
        /// The file was looked at and is about to be opened for reading.
        case opening

        /// The file is open, was looked at again, and is about to be read.
        case reading
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - demands: What is demanded of it and of the way.
    ///   - limit: The most bytes that are read.
    ///   - hook: Called at the moments at which somebody could interfere, so that a test can.
    /// - Returns: The bytes of a regular file that did not change while it was read.
    /// - Throws: ``FileProblem``.
    package static func read(
        _ path: FilePath,
        demanding demands: FileDemands,
        limit: Int,
        hook: (Moment) -> Void = { _ in }
    ) throws(FileProblem) -> TrustedFile {
        let walk = TrustedWalk(demanding: demands)
        switch try walk.end(of: path) {
        case .directory(_, let place, _):
            throw .notRegular(place, .directory)
        case .file(let found):
            let opened = try walk.open(found) { hook(.opening) }
            let facts = opened.facts
            guard facts.size <= limit else { throw .tooLarge(limit: limit) }
            hook(.reading)
            let bytes = try readBytes(opened.descriptor, of: path, limit: limit)
            guard let after = FileFacts(of: opened.descriptor), after.size == facts.size,
                after.changes == facts.changes
            else { throw .changedWhileReading }
            return TrustedFile(bytes: bytes, facts: facts)
        }
    }

    private static func readBytes(
        _ descriptor: borrowing HeldDescriptor,
        of path: FilePath,
        limit: Int
    ) throws(FileProblem) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor.number, $0.baseAddress, $0.count)
            }
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw .failed(.read, path, Errno(rawValue: errno))
            }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { throw .tooLarge(limit: limit) }
        }
    }
}
