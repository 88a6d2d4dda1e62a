import Foundation

/// A service of PAM for the tool, in the bed's own `/etc/pam.d`, that counts how often a password is tried.
///
/// The modules of the distribution decide, behind one of the tests' that writes down and waits.
final class ServiceOfTool: Sendable {
    let name = "tool-\(UInt32.random(in: 0...UInt32.max))"
    private let path: String
    private let journal: String
    private let gate: String

    init() throws {
        let bed = ProcessInfo.processInfo.environment["IMPERSONATION_TEST_BED_DIR"] ?? "/nonexistent"
        path = "/etc/pam.d/\(name)"
        journal = "\(bed)/tmp/\(name)"
        gate = "\(journal).gate"
        let lines = [
            "auth optional \(bed)/bin/pam_scripted.so [auth:record=\(journal)] [auth:wait=\(gate)]",
            "auth required pam_unix.so nodelay", "account required pam_unix.so", "session required pam_permit.so",
        ]
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        try openGate()
    }

    deinit {
        for file in [path, journal, gate] { try? FileManager.default.removeItem(atPath: file) }
    }

    /// How often a password was tried.
    var tries: Int {
        let text = (try? String(contentsOfFile: journal, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").count { $0.hasPrefix("auth ") }
    }

    /// Has passwords wait to be tried.
    func closeGate() throws { try FileManager.default.removeItem(atPath: gate) }

    /// Lets passwords be tried.
    func openGate() throws { try Data().write(to: URL(filePath: gate)) }
}
