import FoundationEssentials
import Glibc
import Impersonation
import SystemPackage
import Testing

/// A system helper of this machine that opens sessions with the modules of its directory.
final class SessionHelper {
    private let process: pid_t
    private let directory: URL

    /// The services of `Scripts/directories.d/etc/pam.d`.
    static let services = ["winbind", "winbind-krb5", "sss", "krb5", "unix", "permit"].map { "impersonation-\($0)" }

    private var socket: String { directory.appending(path: "run/helper.sock").path }

    /// Starts one, and waits until it listens.
    ///
    /// - Parameters:
    ///   - others: Services of a test's own, beside ``services``.
    ///   - rules: Lines of its policy beside those that every test needs.
    ///   - environment: Its environment, by which clients of a name service may go.
    /// - Throws: When it does not start.
    init(_ others: OwnService..., rules: [String] = [], environment: [String] = []) async throws {
        directory = URL(filePath: "/run/sessions-\(UUID().uuidString)")
        let run = directory.appending(path: "run")
        try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
        let policy = directory.appending(path: "policy.conf")
        let lines = [
            "peers = 0", "accounts = *", "maximum-start-time = 3600", "pam-session-idle = 3600",
            "pam-services = \((Self.services + others.map(\.name)).joined(separator: " "))",
        ]
        try Data(((lines + rules).joined(separator: "\n") + "\n").utf8).write(to: policy)
        for (path, mode) in [(directory, 0o755), (run, 0o755), (policy, 0o600)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.path)
        }
        let log = directory.appending(path: "log")
        try Data().write(to: log)
        process = try Self.spawn(
            [
                "/bed/bin/impersonation-helper", "--policy", policy.path, "--socket",
                directory.path + "/run/helper.sock",
            ],
            environment,
            log: log.path
        )
        while !FileManager.default.fileExists(atPath: socket) {
            var status: Int32 = 0
            try #require(
                unsafe waitpid(process, &status, WNOHANG) == 0,
                "\((try? String(contentsOf: log, encoding: .utf8)) ?? "")"
            )
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Not by `Process`, whose others do not see their children end while this one lives.
    private static func spawn(_ words: [String], _ environment: [String], log: String) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_APPEND, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
            for index in unsafe variables.indices { unsafe free(variables[index]) }
        }
        var process: pid_t = 0
        try #require(unsafe posix_spawn(&process, words[0], &actions, nil, &arguments, &variables) == 0)
        return process
    }

    deinit {
        kill(process, SIGTERM)
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        try? FileManager.default.removeItem(at: directory)
    }

    /// A launcher without sessions.
    var launcher: SystemHelperLauncher { SystemHelperLauncher(socket: FilePath(socket)) }

    /// A launcher of sessions.
    ///
    /// - Parameters:
    ///   - service: What follows `impersonation-` in the name of the service.
    ///   - password: The password that is registered for an account; nobody proves anything without.
    ///   - account: The account.
    ///   - sessions: How long sessions live.
    /// - Returns: The launcher.
    /// - Throws: When there is no memory for the password.
    func launcher(
        _ service: String,
        _ password: String? = nil,
        for account: AccountName? = nil,
        sessions: PAMLauncher.Sessions = .perJob
    ) async throws -> PAMLauncher {
        var authentication = PAMLauncher.Authentication.none
        if let password, let account {
            let store = InMemoryCredentialStore()
            var bytes = Array(password.utf8)
            _ = try await store.register(try Secret(consumingBytes: &bytes), for: account)
            authentication = .password(from: store)
        }
        return PAMLauncher(
            through: SystemHelperLauncher(socket: FilePath(socket)),
            service: "impersonation-\(service)",
            authentication: authentication,
            sessions: sessions
        )
    }

    /// A script in a shell.
    static func command(_ script: String, within deadline: Duration = patience) -> Command {
        var command = Command(.path("/bin/sh"), arguments: ["-c", script])
        command.workingDirectory = .path("/")
        command.standardOutput = .captured(limit: 1 << 20)
        command.startDeadline = deadline
        return command
    }

    /// Runs a script in a session.
    ///
    /// - Parameters:
    ///   - script: The script.
    ///   - name: The account, as this machine spells it.
    ///   - service: What follows `impersonation-` in the name of the service.
    ///   - password: The password, where it is proven.
    ///   - deadline: How long it may take until it runs.
    /// - Returns: What it has written, and the process that has ended.
    /// - Throws: When it could not be started.
    func run(
        _ script: String,
        as name: String,
        _ service: String,
        _ password: String? = nil,
        within deadline: Duration = patience
    ) async throws -> (text: String, process: LaunchedProcess) {
        let identity = try #require(try await Site().resolve(name).identity, "\(name) is nobody")
        let launcher = try await launcher(service, password, for: identity.account.name)
        let process = try await launcher.launch(Self.command(script, within: deadline), as: identity)
        return (try await process.exitReport().standardOutput?.text ?? "", process)
    }

    /// What keeps a job from running.
    func refusal(
        _ name: String,
        _ service: String,
        _ password: String? = nil,
        within deadline: Duration = patience,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> LaunchError {
        let error = await #expect(throws: LaunchError.self, sourceLocation: sourceLocation) {
            try await run("true", as: name, service, password, within: deadline)
        }
        return try #require(error, sourceLocation: sourceLocation)
    }

    /// That an account is refused with PAM's own answer, and as what that means.
    func expectRefusal(
        _ answer: Answer,
        _ service: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let error = try await refusal(answer.account, service, answer.password, sourceLocation: sourceLocation)
        answer.expect(error, sourceLocation: sourceLocation)
    }
}
