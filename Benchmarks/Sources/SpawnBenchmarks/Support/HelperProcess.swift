import FoundationEssentials
import Glibc
import Impersonation
import SystemPackage

/// A system helper of the benchmark's own: its policy, its socket, its process.
final class HelperProcess {
    /// Where it listens.
    let socket: FilePath

    /// Its process, a child of this one.
    let process: pid_t

    /// Whose process it is.
    let account: uid_t

    private let directory: WorkDirectory
    private let unit: DelegatedGroup?

    /// The account of the bed for a helper that is not root.
    private static let limitedAccount: uid_t = 991

    /// How long a session that jobs share may stay open without one; longer than a round.
    static let sessionIdleTime = Duration.seconds(120)

    /// How long it may take until it listens, in milliseconds.
    private static let patience = 10_000

    /// Starts a helper that does for this process whatever it may be asked, and waits until it listens.
    ///
    /// - Parameters:
    ///   - program: The path of `impersonation-helper`.
    ///   - controlGroups: Where its jobs get cgroups of their own, if they do.
    ///   - capabilities: All it has, as `setpriv(1)` names them, with an account of its own, and so no sessions of PAM; `nil` for
    ///     root.
    /// - Throws: ``BenchmarkError`` when it ends instead; with what it said.
    init(_ program: String, controlGroups: String? = nil, limitedTo capabilities: [String]? = nil) throws {
        let isLimited = capabilities != nil
        directory = try WorkDirectory()
        account = isLimited ? Self.limitedAccount : 0
        unit = try isLimited ? controlGroups.map { try DelegatedGroup(for: Self.limitedAccount, below: $0) } : nil
        let run = "\(directory.path)/run"
        guard unsafe mkdir(run, 0o755) == 0, unsafe chown(run, account, account) == 0 else {
            throw BenchmarkError("\(run) could not be made (errno \(errno))")
        }
        socket = FilePath("\(run)/helper.sock")
        let policy = "\(directory.path)/policy.conf"
        let log = "\(directory.path)/log"
        let sessions = [
            "pam-services = \(PAMLauncher.defaultService)",
            "pam-session-idle = \(Self.sessionIdleTime.components.seconds)",
        ]
        let lines =
            [
                "peers = 0", "accounts = *", "maximum-jobs-per-peer = 512", "maximum-start-time = 3600",
            ]
            + (isLimited ? [] : sessions)
            + ((unit?.path ?? controlGroups).map { ["control-groups = \($0)"] } ?? [])
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: policy))
        guard unsafe chmod(policy, isLimited ? 0o644 : 0o600) == 0 else {
            throw BenchmarkError("the policy of the helper could not be made root's alone (errno \(errno))")
        }
        var words = [program, "--policy", policy, "--socket", socket.string]
        if let capabilities {
            // Where the program was built that account may not come.
            words[0] = try directory.copy(program, as: "impersonation-helper")
            words = Self.limiting(words, to: capabilities)
        }
        process = try Self.spawn(unit?.entering(words) ?? words, log: log)
        for _ in 0..<(Self.patience / 2) {
            var status: Int32 = 0
            let text = ProcessFile.text(log) ?? ""
            guard unsafe waitpid(process, &status, WNOHANG) == 0 else {
                directory.remove()
                throw BenchmarkError("\(program) has ended (status \(status)): \(text)")
            }
            if text.contains("serving at") { return }
            usleep(2_000)
        }
        end()
        throw BenchmarkError("\(program) does not listen after \(Self.patience / 1_000) s")
    }

    /// The processes it has forked, waiting ones and those with a job, as long as they have not been reaped.
    var monitors: [pid_t] { ProcessTable.children(of: process) }

    /// What its descriptors are; those to its monitors are others for each job.
    var descriptors: DescriptorTable { DescriptorTable(of: process, isSteady: false) }

    /// Ends it and waits until it has ended.
    func end() {
        kill(process, SIGTERM)
        _ = try? Subprogram.wait(for: process)
        unit?.remove()
        directory.remove()
    }

    /// A command line that starts another one as the account, with these capabilities and no way to more.
    private static func limiting(_ words: [String], to capabilities: [String]) -> [String] {
        let account = "\(limitedAccount)"
        let limits = (["-all"] + capabilities.map { "+\($0)" }).joined(separator: ",")
        return [
            "/usr/bin/setpriv", "--reuid", account, "--regid", account, "--clear-groups",
            "--inh-caps=\(limits)", "--ambient-caps=\(limits)", "--bounding-set=\(limits)", "--",
        ] + words
    }

    private static func spawn(_ words: [String], log: String) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, flags, 0o644)
        // As whoever runs services starts it: in a session of its own (POSIX_SPAWN_SETSID, a macro that Glibc does not offer).
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        unsafe posix_spawnattr_setflags(&attributes, 0x80)
        var process: pid_t = 0
        let code = try unsafe StringVector.withVectors(words, ["PATH=/usr/bin:/bin"]) {
            unsafe posix_spawn(&process, words[0], &actions, &attributes, $0, $1)
        }
        guard code == 0 else {
            throw BenchmarkError("\(words[0]) could not be started (errno \(code)); build it: make bench-helper")
        }
        return process
    }
}
