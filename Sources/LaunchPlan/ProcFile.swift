import Glibc
import Synchronization
package import SystemPackage

/// Small files of `/proc` and `/sys`, read whole.
package enum ProcFile {
    private static let chunk = 4_096
    private static let largest = 1 << 20
    private static let lookedAt = Mutex<(process: Int32, isOwn: Bool)?>(nil)

    /// Whether the numbers in `/proc` mean what they mean to this process: it may be mounted for another pid namespace.
    package static var showsOwnNamespace: Bool {
        let process = getpid()
        return lookedAt.withLock { known in
            // A fork has another number, and the same memory.
            if let known, known.process == process { return known.isOwn }
            var target = [CChar](repeating: 0, count: 16)
            let count = unsafe readlink("/proc/self", &target, target.count)
            guard count > 0 else { return false }
            let text = String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let isOwn = text == "\(process)"
            known = (process, isOwn)
            return isOwn
        }
    }

    /// Reads a file.
    ///
    /// - Parameter path: The file.
    /// - Returns: Its text, at most one MiB.
    /// - Throws: `Errno` of `open(2)` or `read(2)`.
    package static func read(_ path: FilePath) throws(Errno) -> String {
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            defer { try? file.close() }
            return try read(file)
        } catch let error as Errno {
            throw error
        } catch {
            throw .ioError
        }
    }

    /// Reads a file that is open.
    ///
    /// - Parameter file: The file, at its beginning.
    /// - Returns: Its text, at most one MiB.
    /// - Throws: `Errno` of `read(2)`.
    package static func read(_ file: FileDescriptor) throws(Errno) -> String {
        do {
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

    /// The number of the process that a descriptor holds (`Pid:` of `pidfd_open(2)`'s `fdinfo`).
    ///
    /// Before Linux 5.14 `/proc` does not tell it to a process that is not root and not dumpable (`prctl(2)`).
    ///
    /// - Parameter descriptor: What `pidfd_open(2)` has made, by whomever.
    /// - Returns: Its number in this pid namespace; 0 where it has none in it, -1 when it has been reaped, and `nil` where `/proc`
    ///   does not tell.
    package static func process(of descriptor: Int32) -> Int32? {
        let file = FilePath("/proc/thread-self/fdinfo/\(descriptor)")
        guard showsOwnNamespace, let text = try? read(file) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("Pid:") }
        return line.flatMap { Int32($0.dropFirst(4).drop { $0 == "\t" || $0 == " " }) }
    }

    /// The numbers of every process that `/proc` shows.
    ///
    /// - Throws: `Errno` of `opendir(3)`.
    package static func processes() throws(Errno) -> [Int32] {
        guard let directory = unsafe opendir("/proc") else { throw Errno(rawValue: errno) }
        defer { unsafe closedir(directory) }
        return unsafe DirectoryNames(directory).compactMap { Int32($0) }
    }
}
