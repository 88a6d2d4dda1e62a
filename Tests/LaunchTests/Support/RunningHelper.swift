import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan
@testable import LaunchProtocol

/// A system helper of a test's own: its policy, its socket, its process.
final class RunningHelper {
    /// What the helper may do.
    enum Privileges: String, CaseIterable, Sendable {
        /// Everything.
        case root

        /// `CAP_SETUID` and `CAP_SETGID`, as an account of its own, and no way to get more.
        case twoCapabilities

        /// The same with `CAP_SYS_NICE`.
        case twoAndNice

        /// Root with the capabilities of the unit in `Packaging`, and its soft limit of open files.
        case packaged

        /// The same without `CAP_KILL`.
        case packagedWithoutKill

        static let allCases = [Privileges.root, .twoCapabilities]
    }

    /// The account of daemons without any privilege.
    static let daemon: UInt32 = 990

    /// The account of a helper that is not root.
    static let account: UInt32 = 991

    let directory: FilePath
    let socket: FilePath
    let process: pid_t

    /// Starts a helper, and waits until it listens.
    ///
    /// - Parameters:
    ///   - privileges: What it may do.
    ///   - policy: Lines of its policy beside those that every test needs.
    ///   - arguments: Arguments beside those.
    ///   - unit: The cgroup that a service manager would start it in; that of the tests unless set.
    ///   - leadingSession: Whether it leads a session of its own, as a service does.
    ///   - place: Where it listens; a place of its own unless set.
    ///   - messages: Where its messages go; a file of its own unless set.
    ///   - output: Its standard output; that of the tests unless set.
    ///   - variables: Variables of its environment beside `PATH`.
    ///   - starter: A program that becomes the helper, and its arguments.
    /// - Throws: When it ends instead.
    init(
        _ privileges: Privileges = .root,
        policy: [String] = [],
        arguments: [String] = [],
        in unit: FilePath? = nil,
        leadingSession: Bool = false,
        at place: FilePath? = nil,
        messagesTo messages: FileDescriptor? = nil,
        output: FileDescriptor? = nil,
        variables: [String] = [],
        startedBy starter: [String] = []
    ) throws {
        let base = FilePath(TestBed.directory).appending("helpers")
        _ = unsafe mkdir(base.string, 0o755)
        directory = base.appending("\(UInt64.random(in: 0...UInt64.max))")
        let run = directory.appending("run")
        socket = place ?? run.appending("helper.sock")
        for made in [directory, run] { try #require(unsafe mkdir(made.string, 0o755) == 0) }
        let file = directory.appending("policy.conf")
        let lines = ["peers = \(Self.daemon)", "accounts = *", "maximum-start-time = 3600"]
        let kept = lines.filter { line in !policy.contains { $0.prefix { $0 != " " } == line.prefix { $0 != " " } } }
        let text = (kept + policy).joined(separator: "\n") + "\n"
        let made = try FileDescriptor.open(
            file,
            .writeOnly,
            options: [.create, .exclusiveCreate],
            permissions: [.ownerReadWrite, .groupRead, .otherRead]
        )
        try made.closeAfter { _ = try made.writeAll(text.utf8) }
        var words = [
            "\(TestBed.directory)/bin/impersonation-helper", "--policy", file.string, "--socket", socket.string,
            "--socket-mode", "0666",
        ]
        if privileges == .twoCapabilities || privileges == .twoAndNice {
            try #require(unsafe chown(run.string, Self.account, Self.account) == 0)
            let capabilities = "-all,+setuid,+setgid" + (privileges == .twoAndNice ? ",+sys_nice" : "")
            words =
                [
                    "/usr/bin/setpriv", "--reuid", "\(Self.account)", "--regid", "\(Self.account)", "--clear-groups",
                    "--inh-caps=\(capabilities)", "--ambient-caps=\(capabilities)", "--bounding-set=\(capabilities)",
                    // setpriv still has what lets it read any program, which makes a difference to whom the helper's files of
                    // /proc belong.
                    "--", "/bin/sh", "-c", "exec \"$@\"", "sh",
                ] + words
        }
        if privileges == .packaged || privileges == .packagedWithoutKill {
            let kill = privileges == .packaged ? ",+kill" : ""
            words =
                [
                    "/bin/sh", "-c", "ulimit -Sn 1024 && exec \"$@\"", "sh", "/usr/bin/setpriv", "--inh-caps=-all",
                    "--ambient-caps=-all", "--bounding-set=-all,+setuid,+setgid,+setpcap\(kill)", "--",
                ] + words
        }
        if leadingSession { words = ["/usr/bin/setsid"] + words }
        if let unit {
            words = ["/bin/sh", "-c", "echo 0 > \(unit)/cgroup.procs && exec \"$@\"", "sh"] + words
        }
        let log = directory.appending("log")
        process = try Self.spawn(starter + words + arguments, log: log, messages, output, variables)
        try waitUntilItListens(messages)
    }

    deinit {
        stop(SIGKILL)
    }

    /// Ends the helper, and waits until it has ended.
    ///
    /// - Returns: Its status as `waitpid(2)` has it; -1 when it had ended before.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM) -> Int32 {
        var status: Int32 = -1
        if unsafe waitpid(process, &status, WNOHANG) == 0 {
            kill(process, signal)
            while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        }
        return status
    }

    /// What the helper has told whoever runs it.
    var log: String { (try? ProcFile.read(directory.appending("log"))) ?? "" }

    /// The processes that the helper has forked and that have not ended.
    var monitors: [pid_t] { Self.children(of: process) }

    /// A launcher that goes through it.
    var launcher: SystemHelperLauncher { SystemHelperLauncher(socket: socket) }

    /// The same for a helper that may be root's, or have an account of its own.
    var anyLauncher: SystemHelperLauncher {
        SystemHelperLauncher(socket: socket, helperUserIDs: [UserID(0), UserID(Self.account)])
    }

    /// The processes that those have forked and that run: children on their way, and jobs.
    var jobs: [pid_t] { monitors.flatMap(Self.children).filter { ProcessStart.time(of: $0) != nil } }

    static func children(of process: pid_t) -> [pid_t] {
        let text = (try? ProcFile.read(FilePath("/proc/\(process)/task/\(process)/children"))) ?? ""
        return text.split(separator: " ").compactMap { pid_t($0) }
    }

    private func waitUntilItListens(_ messages: FileDescriptor?) throws {
        let deadline = ContinuousClock.now + ample
        while ContinuousClock.now < deadline {
            var status: Int32 = 0
            guard unsafe waitpid(process, &status, WNOHANG) == 0 else {
                throw HelperEnded(status: status, log: log)
            }
            if log.contains("serving at") { return }
            if messages != nil, (try? FrameSocket(connectingTo: socket)) != nil { return }
            usleep(2_000)
        }
        throw HelperEnded(status: -1, log: log)
    }

    private static func spawn(
        _ words: [String],
        log: FilePath,
        _ messages: FileDescriptor?,
        _ output: FileDescriptor?,
        _ variables: [String]
    ) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        if let output { unsafe posix_spawn_file_actions_adddup2(&actions, output.rawValue, STDOUT_FILENO) }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        if let messages {
            unsafe posix_spawn_file_actions_adddup2(&actions, messages.rawValue, STDERR_FILENO)
        } else {
            unsafe posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.string, flags, 0o644)
        }
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
        }
        var environment: [UnsafeMutablePointer<CChar>?] =
            unsafe (["PATH=/usr/bin:/bin"] + variables).map { unsafe strdup($0) } + [nil]
        defer {
            for index in unsafe environment.indices { unsafe free(environment[index]) }
        }
        var process: pid_t = 0
        let result = unsafe posix_spawn(&process, words[0], &actions, nil, &arguments, &environment)
        try #require(result == 0)
        return process
    }

    struct HelperEnded: Error {
        let status: Int32
        let log: String
    }
}

/// Makes this process a daemon without any privilege.
func becomeUnprivilegedDaemon() {
    // Of root, these set the real, the effective and the saved id, of every thread.
    #expect(setgroups(0, nil) == 0)
    #expect(setgid(RunningHelper.daemon) == 0)
    #expect(setuid(RunningHelper.daemon) == 0)
    #expect(setuid(0) != 0)
}

/// Launches a command as alice as soon as the helper has room for it: whoever has ended counts for a moment longer.
func launchAsAlice(
    _ command: Command,
    waitingForRoom launcher: SystemHelperLauncher
) async throws -> LaunchedProcess {
    let person = try await TestBed.alice.identity
    let deadline = ContinuousClock.now + ample
    while true {
        do throws(LaunchError) {
            return try await launcher.launch(command, as: person)
        } catch {
            guard error.code == .refused, ContinuousClock.now < deadline else { throw error }
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}
