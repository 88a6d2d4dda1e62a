import Glibc
import Impersonation
import SystemPackage

/// A launcher as another package would write one: `posix_spawn(3)`, `setsid(1)` and `setpriv(1)`, and of the library nothing but
/// what is public.
struct ForeignLauncher: ProcessLauncher {
    /// What it makes the streams of its jobs of.
    enum Connection: String, Sendable, CaseIterable {
        case socket
        case pipe
    }

    let connection: Connection

    var backend: LaunchBackend { LaunchBackend("setpriv") }

    func launch(_ command: Command, as identity: ExecutionIdentity) async throws(LaunchError) -> LaunchedProcess {
        do {
            let process = try start(command, as: identity)
            return LaunchedProcess(
                identity: identity,
                report: LaunchReport(
                    backend: backend,
                    processID: ProcessID(rawValue: process.processID),
                    workingDirectory: "/"
                ),
                control: process
            )
        } catch {
            throw LaunchError(
                .stepFailed,
                step: .prepare,
                account: identity.account.name,
                backend: backend,
                message: "\(error)"
            )
        }
    }

    private func start(_ command: Command, as identity: ExecutionIdentity) throws -> ForeignProcess {
        let account = identity.account.userID
        var input: ProcessInput?
        var output: ProcessOutput?
        var terminal: PseudoTerminal?
        var jobEnds: [FileDescriptor] = []
        defer { for end in Set(jobEnds) { try? end.close() } }
        var session = ["/usr/bin/setsid"]
        if case .pseudoterminal(let rows, let columns, _) = command.terminal {
            let (master, slave) = try Self.terminal(rows, columns)
            jobEnds = [slave, slave, slave]
            terminal = try PseudoTerminal(takingOver: master, account: account)
            session.append("--ctty")
        } else {
            let null = { try FileDescriptor.open(FilePath("/dev/null"), .readWrite, options: .closeOnExec) }
            if command.standardInput == .stream {
                let (writing, reading) = try pair()
                jobEnds.append(reading)
                input = try ProcessInput(takingOver: writing, account: account)
            } else {
                jobEnds.append(try null())
            }
            if command.standardOutput == .stream {
                let (writing, reading) = try pair()
                jobEnds.append(writing)
                output = try ProcessOutput(takingOver: reading, account: account)
            } else {
                jobEnds.append(try null())
            }
            jobEnds.append(try null())
        }
        let words = session + Self.descent(to: identity.account) + [command.executable.spelling] + command.arguments
        return ForeignProcess(
            try Self.spawn(words, Self.environment(of: identity.account, command.terminal), jobEnds),
            input,
            output,
            terminal
        )
    }

    private func pair() throws -> (writing: FileDescriptor, reading: FileDescriptor) {
        switch connection {
        case .pipe:
            let pipe = try FileDescriptor.pipe()
            for end in [pipe.readEnd, pipe.writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
            return (pipe.writeEnd, pipe.readEnd)
        case .socket:
            var ends: [Int32] = [-1, -1]
            let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw Errno(rawValue: errno) }
            return (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
        }
    }

    private static func terminal(
        _ rows: UInt16,
        _ columns: UInt16
    ) throws -> (master: FileDescriptor, slave: FileDescriptor) {
        var (master, slave): (Int32, Int32) = (-1, -1)
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        guard unsafe openpty(&master, &slave, nil, nil, &size) == 0 else { throw Errno(rawValue: errno) }
        for end in [master, slave] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (FileDescriptor(rawValue: master), FileDescriptor(rawValue: slave))
    }

    private static func descent(to account: Account) -> [String] {
        [
            "/usr/bin/setpriv", "--reuid", "\(account.userID.rawValue)", "--regid", "\(account.groupID.rawValue)",
            "--clear-groups", "--no-new-privs", "--",
        ]
    }

    private static func environment(of account: Account, _ terminal: JobTerminal) -> [String] {
        var environment = ["PATH=/usr/bin:/bin", "HOME=\(account.homeDirectory)", "USER=\(account.name)"]
        if case .pseudoterminal(_, _, let type?) = terminal { environment.append("TERM=\(type)") }
        return environment
    }

    private static func spawn(_ words: [String], _ environment: [String], _ ends: [FileDescriptor]) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (place, end) in ends.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, end.rawValue, Int32(place))
        }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer {
            _ = unsafe arguments.map { unsafe free($0) }
            _ = unsafe variables.map { unsafe free($0) }
        }
        var process: pid_t = 0
        let result = unsafe posix_spawn(&process, words[0], &actions, &attributes, &arguments, &variables)
        guard result == 0 else { throw Errno(rawValue: result) }
        return process
    }
}
