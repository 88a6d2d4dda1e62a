import Foundation

/// A service of PAM of a test's own, in the `/etc/pam.d` of this machine.
///
/// Beside the modules of the directory it may have that of the tests (`Tests/PAMModule`), which writes down and waits.
final class OwnService: Sendable {
    /// What follows `impersonation-` in its name.
    let suffix: String

    /// Its name.
    var name: String { "impersonation-\(suffix)" }

    private let directory: URL
    private var path: String { "/etc/pam.d/\(name)" }

    /// The module of the tests, in lines of a service.
    static let module = "/bed/bin/pam_scripted.so"

    /// Where the module of the tests finds and leaves files, in lines of a service.
    static let directoryMark = "HERE"

    /// Makes a service.
    ///
    /// - Parameter lines: Its file.
    /// - Throws: When it cannot be written.
    init(_ lines: String...) throws {
        suffix = "own-\(UInt32.random(in: 0...UInt32.max))"
        directory = URL(filePath: "/run/\(suffix)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        // Jobs look for files in it.
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
        let text = lines.joined(separator: "\n").replacing(Self.directoryMark, with: directory.path) + "\n"
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
        try? FileManager.default.removeItem(at: directory)
    }

    /// The names that the account had when the module of the tests wrote into a file (`record`), one after the other.
    func names(in file: String) -> [String] {
        let text = (try? String(contentsOf: directory.appending(path: file), encoding: .utf8)) ?? ""
        return text.split(separator: "\n")
            .map { line in
                line.split(separator: " ", maxSplits: 4).last.map(String.init) ?? ""
            }
    }

    /// Where a file is that a job looks for.
    func place(_ file: String) -> String { directory.appending(path: file).path }

    /// Whether a file is there.
    func has(_ file: String) -> Bool { FileManager.default.fileExists(atPath: place(file)) }

    /// Makes a file that the module of the tests waits for.
    func make(_ file: String) throws {
        try Data().write(to: directory.appending(path: file))
    }
}
