import FoundationEssentials
import Glibc
import Impersonation
import SystemPackage
import Testing

/// A rule in the sudoers of this machine, for as long as this lives.
final class SudoersRule {
    private let file = URL(filePath: "/etc/sudoers.d/directory-\(UUID().uuidString)")

    /// An account that no other rule of the machine is for, nor a job of the bed.
    static let daemon: UInt32 = 991

    /// Permits it the launcher of this library and `id`, as accounts that sudoers knows by these names.
    ///
    /// - Parameter accounts: The names, escaped as sudoers wants them.
    /// - Throws: When the rule cannot be written.
    init(for accounts: String) throws {
        try Data("launcher ALL=(\(accounts)) NOPASSWD: /bed/bin/impersonation-launcher, /usr/bin/id\n".utf8)
            .write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o440], ofItemAtPath: file.path)
    }

    deinit {
        try? FileManager.default.removeItem(at: file)
    }

    /// Makes this process the daemon.
    static func becomeDaemon() {
        var groups = [daemon]
        #expect(unsafe setgroups(1, &groups) == 0)
        #expect(setgid(daemon) == 0)
        #expect(setuid(daemon) == 0)
        #expect(setuid(0) != 0)
    }

    /// The backend of that daemon.
    static var launcher: SudoLauncher {
        SudoLauncher(sudo: FilePath(Control.sudo), launcher: "/bed/bin/impersonation-launcher")
    }

    /// The processes of `sudo` that there are.
    static func processes() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc")
            .filter { process in
                guard process.allSatisfy(\.isNumber) else { return false }
                return (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)) == "sudo\n"
            }
    }
}
