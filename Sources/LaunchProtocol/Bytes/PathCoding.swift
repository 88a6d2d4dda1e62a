import SystemPackage

extension ByteReader {
    /// Reads a path, which has to be in its shortest spelling: a rule about paths must not be passed by another one.
    mutating func path(_ field: String, absolute: Bool) throws(FrameError) -> FilePath {
        let start = offset
        let bytes = try string(field, .path)
        let characters: [CChar] = bytes.map(CChar.init(bitPattern:)) + [0]
        let path = FilePath(platformString: characters)
        guard path.length == bytes.count else { throw FrameError(.notCanonical, at: start, in: field) }
        guard !absolute || path.isAbsolute else { throw FrameError(.relativePath, at: start, in: field) }
        return path
    }
}

extension ByteWriter {
    /// Writes a path.
    mutating func path(_ path: FilePath, _ field: String, absolute: Bool) throws(FrameError) {
        guard path.isEmpty || !absolute || path.isAbsolute else {
            throw FrameError(.relativePath, at: offset, in: field)
        }
        let length = path.length
        let bytes = unsafe path.withPlatformString { characters in
            unsafe UnsafeRawBufferPointer(start: characters, count: length).map { $0 }
        }
        try string(bytes, field, .path)
    }
}
