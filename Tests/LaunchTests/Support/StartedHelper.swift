import Glibc
import SystemPackage
import Testing

@testable import LaunchPlan

/// A helper that was started, and that nobody waits for: whether it serves or ends is what a test asks.
final class StartedHelper {
    let process: pid_t
    private let output: FilePath
    private(set) var status: Int32?

    /// Starts a helper of root's, whose policy permits daemons of root's everything.
    ///
    /// - Parameter socket: Where it is to listen.
    /// - Throws: When it cannot be started.
    init(at socket: FilePath) throws {
        let directory = FilePath(TestBed.directory).appending("started-\(UInt64.random(in: 0...UInt64.max))")
        try #require(unsafe mkdir(directory.string, 0o755) == 0)
        output = directory.appending("log")
        let policy = directory.appending("policy.conf")
        try writeFile("peers = 0\naccounts = *\n", to: policy)
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        unsafe posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, output.string, flags, 0o644)
        let words = [
            "\(TestBed.directory)/bin/impersonation-helper", "--policy", policy.string, "--socket", socket.string,
        ]
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
        }
        var process: pid_t = 0
        try #require(unsafe posix_spawn(&process, words[0], &actions, nil, &arguments, nil) == 0)
        self.process = process
    }

    deinit {
        end(SIGKILL)
    }

    /// What it has told whoever runs it.
    var log: String { (try? ProcFile.read(output)) ?? "" }

    /// Whether it says that it serves.
    var serves: Bool { log.contains("serving at") }

    /// Whether it has ended.
    var hasEnded: Bool {
        var ending: Int32 = 0
        if status == nil, unsafe waitpid(process, &ending, WNOHANG) == process { status = ending }
        return status != nil
    }

    /// Ends it, and waits until it has ended.
    ///
    /// - Returns: Its status as `waitpid(2)` has it.
    @discardableResult
    func end(_ signal: Int32 = SIGTERM) -> Int32? {
        guard !hasEnded else { return status }
        kill(process, signal)
        var ending: Int32 = 0
        while unsafe waitpid(process, &ending, 0) < 0, errno == EINTR {}
        status = ending
        return ending
    }
}
