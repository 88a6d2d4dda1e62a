import Glibc
import SystemPackage

/// Reads a configuration file once, from one descriptor, after looking at every step of the way to it.
///
/// The way is walked component by component with `openat(2)` and `O_PATH|O_NOFOLLOW`, and each component is looked at
/// through its own descriptor. Symbolic links are followed by hand, so that the link and what it leads to are both looked
/// at. Whatever somebody renames or replaces meanwhile, what was looked at is what is read.
struct ConfigurationFileReader {
    /// The largest file that is read, in bytes.
    static let maximumSize = 1 << 20

    /// The kernel gives up after 40 links as well: `path_resolution(7)`.
    static let maximumLinks = 40

    /// The file, as it was named.
    let file: FilePath

    /// What is demanded of the file and of everything on the way.
    let trust: ConfigurationTrust

    /// The user ids that may own the file and everything on the way.
    let trustedOwners: Set<uid_t>

    /// Called at the moments at which somebody could interfere, so that a test can.
    let hook: (Moment) -> Void

    /// A moment at which somebody could interfere.
    enum Moment: Sendable {
        /// The file was looked at and is about to be opened for reading.
        case opening

        /// The file is open, was looked at again, and is about to be read.
        case reading
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - trust: What is demanded of the file.
    ///   - hook: Called at the moments at which somebody could interfere.
    /// - Returns: The text, which is UTF-8 without zero bytes, and what else matters.
    /// - Throws: ``ConfigurationError`` with the component of the path, its owner and mode, and the remedy.
    static func read(
        _ file: FilePath,
        trust: ConfigurationTrust,
        hook: (Moment) -> Void = { _ in }
    ) throws(ConfigurationError) -> ConfigurationFileContents {
        try withoutActuallyEscaping(hook) { hook throws(ConfigurationError) in
            let reader = ConfigurationFileReader(
                file: file,
                trust: trust,
                trustedOwners: [0, geteuid()],
                hook: hook
            )
            return try reader.read()
        }
    }

    /// Opens a directory after looking at every step of the way to it; the caller closes the descriptor.
    static func openDirectory(_ directory: FilePath) throws(ConfigurationError) -> FileDescriptor {
        let reader = ConfigurationFileReader(
            file: directory,
            trust: .trusted,
            trustedOwners: [0, geteuid()],
            hook: { _ in }
        )
        return try reader.openDirectory()
    }

    private func read() throws(ConfigurationError) -> ConfigurationFileContents {
        let opened = try open()
        let facts = opened.facts
        guard facts.size <= Self.maximumSize else { throw tooLarge() }
        hook(.reading)
        let bytes = try readBytes(opened.descriptor)
        guard let after = FileFacts(of: opened.descriptor), after.size == facts.size, after.changes == facts.changes
        else {
            throw error(
                .unreadable,
                .changedWhileReading,
                "the file was written to while it was read",
                "write a new file beside it and rename that over it"
            )
        }
        return ConfigurationFileContents(
            text: try decode(bytes),
            isReadableByAll: facts.permissions & S_IROTH != 0
        )
    }

    private func readBytes(_ descriptor: borrowing OwnedDescriptor) throws(ConfigurationError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor.number, $0.baseAddress, $0.count)
            }
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw systemError("reading \(printable(file.string))", errno)
            }
            bytes += buffer[..<count]
            guard bytes.count <= Self.maximumSize else { throw tooLarge() }
        }
    }

    private func decode(_ bytes: [UInt8]) throws(ConfigurationError) -> String {
        var found: [ConfigurationDiagnostic] = []
        for (index, line) in bytes.split(separator: .lineFeed, omittingEmptySubsequences: false).enumerated() {
            if line.contains(0) {
                found.append(
                    diagnostic(.controlCharacter, line: index + 1, "the line contains a zero byte", "remove it")
                )
            } else if String(validating: line, as: UTF8.self) == nil {
                found.append(
                    diagnostic(.notUTF8, line: index + 1, "the line is not UTF-8", "save the file as UTF-8")
                )
            }
        }
        guard found.isEmpty else { throw ConfigurationError(.invalid, file: file, diagnostics: found) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
