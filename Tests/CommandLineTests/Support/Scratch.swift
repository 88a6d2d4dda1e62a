import Foundation

/// A directory of one test that every account may enter; it goes with everything in it.
final class Scratch: Sendable {
    let path: String

    /// Where the jobs of tests may have cgroups; an ordinary user's bed has no such place.
    static let controlGroups = ProcessInfo.processInfo.environment["IMPERSONATION_TEST_BED_CGROUP"]
        .flatMap { $0.isEmpty ? nil : $0 }

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "tool-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o755]
        )
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// A path in the directory.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Whether something is there.
    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

    /// Writes a file that nobody else may change.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: file(name)))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file(name))
        return file(name)
    }

    /// Reads a file.
    func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: file(name))), as: UTF8.self)
    }

    /// Makes a directory that belongs to an account and that nobody else may enter.
    func makeDirectory(_ name: String, owner: Int) throws {
        try FileManager.default.createDirectory(
            atPath: file(name),
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700, .ownerAccountID: owner]
        )
    }

    /// Writes a configuration with an audit log of its own, and returns the arguments that name it.
    func configure(_ settings: [String]) throws -> [String] {
        let lines = settings + ["audit_log = \(file("audit.jsonl"))"]
        return ["--config", try write("worker.conf", lines.joined(separator: "\n") + "\n")]
    }
}
