import Foundation
import Glibc
import Testing

/// The rules of the Makefile themselves install, below a directory of the test; what they would build is there already.
@Suite("What make install does")
final class InstallationTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let service = "etc/pam.d/impersonation"

    private let scratch: URL
    private var root: URL { scratch.appending(path: "root") }

    init() throws {
        scratch = URL(filePath: NSTemporaryDirectory()).appending(path: "installation-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        for program in ["tool", "helper", "launcher"] {
            try Data(program.utf8).write(to: scratch.appending(path: program))
        }
    }

    deinit {
        try? FileManager.default.removeItem(at: scratch)
    }

    private func make(_ target: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        let programs = ["tool", "helper", "launcher"]
        let built = programs.flatMap { ["-o", $0] }
        let places = programs.map { "\($0.uppercased())_PROGRAM=\(scratch.path)/\($0)" }
        // Whoever installs may have any umask.
        process.arguments =
            ["-c", #"umask 077; exec make "$@""#, "make", "--silent", "--directory", Self.repository.path] + built
            + [target, "DESTDIR=\(root.path)"] + places
        // This may be run by make itself, whose flags are not for this one.
        process.environment = ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"]
        process.standardOutput = FileHandle.standardError
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// Everything that is there, with its mode.
    private func installed() throws -> [String: UInt32] {
        var found: [String: UInt32] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: root.path) {
            var status = stat()
            try #require(unsafe lstat(root.appending(path: name).path, &status) == 0)
            #expect(status.st_uid == geteuid() && status.st_gid == getegid(), "\(name)")
            guard status.st_mode & S_IFMT != S_IFDIR else {
                #expect(status.st_mode & 0o7777 == 0o755, "\(name)")
                continue
            }
            #expect(status.st_mode & S_IFMT == S_IFREG, "\(name)")
            found[name] = status.st_mode & 0o7777
        }
        return found
    }

    private static let ofTheTool: [String: UInt32] = ["usr/bin/impersonate": 0o755]
    private static let ofTheLauncher: [String: UInt32] = ["usr/libexec/impersonation-launcher": 0o711]
    private static let ofTheHelper: [String: UInt32] = [
        "usr/libexec/impersonation-helper": 0o711, "usr/lib/systemd/system/impersonation-helper.service": 0o644,
        "usr/lib/systemd/system/impersonation-helper.socket": 0o644, service: 0o644,
        "etc/impersonation/helper.conf.sample": 0o600,
    ]

    @Test
    func `Everything is there, in its place and with its mode, whatever the umask`() throws {
        try make("install")
        #expect(
            try installed()
                == Self.ofTheTool.merging(Self.ofTheHelper) { $1 }.merging(Self.ofTheLauncher) { $1 }
        )
        #expect(try text("usr/bin/impersonate") == "tool")
        #expect(try text("usr/libexec/impersonation-helper") == "helper")
        #expect(try text("usr/libexec/impersonation-launcher") == "launcher")
    }

    @Test(arguments: [
        ("install-tool", ofTheTool), ("install-helper", ofTheHelper), ("install-launcher", ofTheLauncher),
    ])
    func `Each of the three can be had alone`(_ target: String, _ files: [String: UInt32]) throws {
        try make(target)
        #expect(try installed() == files)
    }

    @Test
    func `The service of PAM is the packaged one, and has no pam_systemd`() throws {
        try make("install")
        let text = try text(Self.service)
        let packaged = Self.repository.appending(path: "Packaging/pam.d/impersonation")
        #expect(try text == String(contentsOf: packaged, encoding: .utf8))
        let lines = text.split(separator: "\n").map { $0.prefix { $0 != "#" } }
        let words = lines.map { $0.split(whereSeparator: \.isWhitespace) }.filter { !$0.isEmpty }
        #expect(Set(words.map { $0[0] }) == ["auth", "account", "password", "session"])
        #expect(!words.joined().contains { $0.contains("pam_systemd") })
        // An include would bring whatever the machine has there, pam_systemd too.
        #expect(!words.joined().contains { $0.contains("include") || $0 == "substack" })
    }

    @Test
    func `A service of the administrator's stays as it is, and what is the package's is renewed`() throws {
        try make("install")
        let file = root.appending(path: Self.service)
        try Data("auth required pam_sss.so\n".utf8).write(to: file)
        try #require(unsafe chmod(file.path, 0o640) == 0)
        for _ in 0..<2 {
            try make("install")
            #expect(try text(Self.service) == "auth required pam_sss.so\n")
            #expect(try installed()[Self.service] == 0o640)
        }
        let program = root.appending(path: "usr/libexec/impersonation-helper")
        try Data("an older one".utf8).write(to: program)
        try make("install")
        #expect(try text("usr/libexec/impersonation-helper") == "helper")
    }
}
