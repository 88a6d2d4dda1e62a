import Dispatch
import Glibc
import Synchronization

/// The launchers that every Debian machine has, for comparison: whatever they make of an account, ours must as well.
///
/// They are started with `posix_spawn(3)`, no code of this package involved: a session of their own, empty signal
/// mask, default dispositions, standard input from `/dev/null` and no descriptor above 2.
enum ReferenceLauncher {
    /// How a reference launcher failed.
    struct Failure: Error, CustomStringConvertible {
        let command: [String]
        /// The status as `waitpid(2)` gave it, or the error of `posix_spawn(3)`.
        let status: Int32
        let standardError: String

        var description: String { "\(command.joined(separator: " ")): status \(status): \(standardError)" }
    }

    /// Runs the probe through `setpriv(1)` with all of an account's groups and nothing left of the caller's privileges.
    static func setpriv(
        userID: UInt32,
        groupID: UInt32,
        probeArguments: [String] = [],
        environment: [String] = []
    ) async throws -> ProbeReport {
        try await run(
            [
                "/usr/bin/setpriv", "--reuid", "\(userID)", "--regid", "\(groupID)", "--init-groups",
                "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs",
                "--", TestBed.probe,
            ] + probeArguments,
            environment: environment
        )
    }

    /// Runs the probe through `runuser(1)`.
    static func runuser(
        account: String,
        probeArguments: [String] = [],
        environment: [String] = []
    ) async throws -> ProbeReport {
        try await run(
            ["/usr/sbin/runuser", "-u", account, "--", TestBed.probe] + probeArguments,
            environment: environment
        )
    }

    /// Runs a command that ends in the probe and reads what it printed.
    static func run(_ command: [String], environment: [String] = []) async throws -> ProbeReport {
        let output = try await withCheckedThrowingContinuation { continuation in
            // The wait blocks, which the threads of the concurrency pool must not.
            DispatchQueue.global()
                .async {
                    continuation.resume(with: Result { try capture(command, environment: environment) })
                }
        }
        return try ProbeReport(json: output)
    }

    /// Between the making of a pipe and its close-on-exec flag no other reference launcher may start.
    private static let starting = Mutex(())

    private static func capture(_ command: [String], environment: [String]) throws(Failure) -> [UInt8] {
        let (started, output, error) = starting.withLock { _ in
            let output = pipe()
            let error = pipe()
            let started = spawn(command, environment: environment, output: output.writing, error: error.writing)
            close(output.writing)
            close(error.writing)
            return (started, output.reading, error.reading)
        }
        let bytes = readAll(output)
        let complaint = String(decoding: readAll(error), as: UTF8.self)
        switch started {
        case .error(let number):
            throw Failure(command: command, status: number, standardError: "posix_spawn failed")
        case .success(let process):
            var status: Int32 = 0
            while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
            guard status == 0 else {
                throw Failure(command: command, status: status, standardError: complaint)
            }
            return bytes
        }
    }

    private static func pipe() -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [-1, -1]
        _ = unsafe Glibc.pipe(&ends)
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        return (ends[0], ends[1])
    }

    private enum Start {
        case success(pid_t)
        case error(Int32)
    }

    /// The flag of `spawn.h` that Swift does not see because it is an extension of glibc.
    private static let newSession: Int32 = 0x80

    private static func spawn(_ command: [String], environment: [String], output: Int32, error: Int32) -> Start {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, error, 2)
        // A close of what is not open is no error within the limit.
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        for descriptor in 3..<Int32(min(limit.rlim_cur, 4_096)) {
            unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | newSession
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

        var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
        var variables = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer {
            _ = unsafe arguments.map { unsafe free($0) }
            _ = unsafe variables.map { unsafe free($0) }
        }
        var process: pid_t = 0
        let result = unsafe posix_spawn(&process, command[0], &actions, &attributes, &arguments, &variables)
        return result == 0 ? .success(process) : .error(result)
    }

    private static func readAll(_ descriptor: Int32) -> [UInt8] {
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe read(descriptor, &block, block.count)
            if count > 0 {
                bytes += block.prefix(count)
            } else if count == 0 || errno != EINTR {
                return bytes
            }
        }
    }
}
