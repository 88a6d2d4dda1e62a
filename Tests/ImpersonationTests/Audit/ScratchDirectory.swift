import FoundationEssentials
import SystemPackage

/// A directory of one test, with mode 0700, that goes with everything in it.
final class ScratchDirectory {
    let path: FilePath

    init() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "scratch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: directory,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
        path = FilePath(directory.path)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path.string)
    }

    /// A path in the directory.
    func file(_ name: String) -> FilePath { path.appending(name) }

    /// The content of a file, line by line; a last line without an end counts, too.
    func lines(_ name: String) throws -> [String] {
        let content = String(decoding: try Data(contentsOf: URL(filePath: file(name).string)), as: UTF8.self)
        var lines = content.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    /// Makes an empty file with a mode, whatever the umask is.
    func touch(_ name: String, mode: Int = 0o600) throws {
        let path = file(name).string
        try Data().write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }
}
