import SystemPackage

/// Reads files of `/proc`, which have no size and are read to their end.
enum ProcessFile {
    /// The text of a file, or `nil` when it cannot be read.
    static func text(_ path: String) -> String? {
        guard let descriptor = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec) else {
            return nil
        }
        defer { try? descriptor.close() }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            guard let count = try? unsafe buffer.withUnsafeMutableBytes({ try unsafe descriptor.read(into: $0) })
            else { return nil }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// The value of a `Name: value` line.
    static func field(_ name: String, of text: String) -> Substring? {
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            var label = line[..<colon]
            while label.last?.isWhitespace == true { label.removeLast() }
            guard label == name else { continue }
            return line[line.index(after: colon)...].drop(while: \.isWhitespace)
        }
        return nil
    }

    /// The parent of a process, or `nil` when there is no such process.
    static func parent(of process: Int32) -> Int32? {
        text("/proc/\(process)/status").flatMap { field("PPid", of: $0) }.flatMap { Int32($0) }
    }

    /// The value of a `Name: value kB` line in bytes, or 0 when there is none.
    static func bytes(_ name: String, of text: String) -> Int {
        guard let value = field(name, of: text), let kibibytes = Int(value.prefix { $0.isNumber }) else { return 0 }
        return kibibytes * 1_024
    }

    /// The resident memory of this process in bytes.
    static var residentBytes: Int {
        bytes("VmRSS", of: text("/proc/self/status") ?? "")
    }
}
