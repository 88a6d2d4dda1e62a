import FoundationEssentials
import Glibc
import SystemPackage

/// Two pipe ends that carry one JSON value a line.
struct LineChannel {
    let reading: FileDescriptor
    let writing: FileDescriptor

    private var buffered: [UInt8] = []

    init(reading: FileDescriptor, writing: FileDescriptor) {
        self.reading = reading
        self.writing = writing
    }

    /// Writes a value.
    func send(_ value: some Encodable) throws {
        var line = Array(try JSONEncoder().encode(value))
        line.append(UInt8(ascii: "\n"))
        _ = try writing.writeAll(line)
    }

    /// Reads a value.
    ///
    /// - Parameters:
    ///   - type: What is read.
    ///   - milliseconds: How long to wait for it; -1 waits for ever.
    /// - Returns: The value, or `nil` at the end of the stream.
    /// - Throws: ``BenchmarkError`` when nothing came in time.
    mutating func receive<Value: Decodable>(_ type: Value.Type, within milliseconds: Int32 = -1) throws -> Value? {
        while true {
            if let end = buffered.firstIndex(of: UInt8(ascii: "\n")) {
                let line = buffered[..<end]
                buffered.removeSubrange(...end)
                return try JSONDecoder().decode(type, from: Data(line))
            }
            var waiting = pollfd(fd: reading.rawValue, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&waiting, 1, milliseconds) != 0 else {
                throw BenchmarkError("a daemon has not answered for \(milliseconds / 1_000) s")
            }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = try unsafe chunk.withUnsafeMutableBytes { try unsafe reading.read(into: $0) }
            guard count > 0 else { return nil }
            buffered += chunk[..<count]
        }
    }
}
