import Glibc
import SystemPackage
import TrustedFiles

/// Reads a configuration file once, from one descriptor, after looking at every step of the way to it
/// (``TrustedWalk``).
///
/// Whatever somebody renames or replaces meanwhile, what was looked at is what is read.
struct ConfigurationFileReader {
    /// The largest file that is read, in bytes.
    static let maximumSize = 1 << 20

    /// The file, as it was named.
    let file: FilePath

    /// What is demanded of the file and of everything on the way.
    let demands: FileDemands

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
        hook: (TrustedFile.Moment) -> Void = { _ in }
    ) throws(ConfigurationError) -> ConfigurationFileContents {
        let reader = ConfigurationFileReader(file: file, trust: trust)
        let read: TrustedFile
        do throws(FileProblem) {
            read = try TrustedFile.read(file, demanding: reader.demands, limit: maximumSize, hook: hook)
        } catch {
            throw reader.refusal(of: error)
        }
        return ConfigurationFileContents(
            text: try reader.decode(read.bytes),
            isReadableByAll: read.facts.permissions & S_IROTH != 0
        )
    }

    /// Opens a directory after looking at every step of the way to it; the caller closes the descriptor.
    static func openDirectory(_ directory: FilePath) throws(ConfigurationError) -> FileDescriptor {
        let reader = ConfigurationFileReader(file: directory, trust: .trusted)
        do throws(FileProblem) {
            let descriptor = try TrustedWalk(demanding: reader.demands).openDirectory(directory)
            return FileDescriptor(rawValue: descriptor.take())
        } catch {
            throw reader.refusal(of: error)
        }
    }

    private init(file: FilePath, trust: ConfigurationTrust) {
        self.file = file
        demands = FileDemands(
            owners: trust == .trusted ? [0, geteuid()] : nil,
            followsLinks: true,
            acceptsStickyDirectories: true,
            acceptsHardLinks: true
        )
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
