import Foundation
import Glibc
import Testing

/// A system helper for the tool: its policy, its socket, its process, as long as a closure runs.
enum HelperOfTool {
    /// Calls a closure while a system helper with a policy runs.
    ///
    /// - Parameters:
    ///   - policy: The text of the policy.
    ///   - body: Called with the options that name the helper.
    /// - Throws: What keeps the helper from being run, and what `body` throws.
    static func running(_ policy: String, _ body: (_ options: [String]) async throws -> Void) async throws {
        let bed = ProcessInfo.processInfo.environment["IMPERSONATION_TEST_BED_DIR"] ?? "/nonexistent"
        let directory = "\(bed)/helper-\(UInt64.random(in: 0...UInt64.max))"
        let everybody: [FileAttributeKey: Any] = [.posixPermissions: 0o755]
        try FileManager.default.createDirectory(
            atPath: directory,
            withIntermediateDirectories: false,
            attributes: everybody
        )
        try Data(policy.utf8).write(to: URL(filePath: "\(directory)/policy"))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: "\(directory)/policy")
        let socket = "\(directory)/socket"
        let words = [
            "\(bed)/bin/impersonation-helper", "--policy", "\(directory)/policy", "--socket", socket,
            "--socket-group", "990",
        ]
        let helper = try spawn(words)
        defer {
            kill(helper, SIGTERM)
            while waitpid(helper, nil, 0) < 0, errno == EINTR {}
        }
        while !FileManager.default.fileExists(atPath: socket) {
            var ended = unsafe siginfo_t()
            try #require(unsafe waitid(P_PID, id_t(helper), &ended, WEXITED | WNOHANG | WNOWAIT) == 0)
            try #require(unsafe ended._sifields._sigchld.si_pid == 0, "the helper has ended")
            try await Task.sleep(for: .milliseconds(2))
        }
        try await body(["--helper-socket", socket])
    }

    /// Starts a process without Foundation's `Process`, which takes one for ended that closes what it was started with, as
    /// the helper does, and then waits for it before it looks at any other.
    private static func spawn(_ words: [String]) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
        }
        var environment: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("PATH=/usr/bin:/bin"), nil]
        defer { unsafe free(environment[0]) }
        var process: pid_t = 0
        try #require(unsafe posix_spawn(&process, words[0], &actions, nil, &arguments, &environment) == 0)
        return process
    }
}
