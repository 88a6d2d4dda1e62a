import Glibc
import SystemPackage

/// The measuring process's side of a daemon.
struct DaemonConnection {
    /// The name in reports.
    let name: String

    /// The memory the daemon really has.
    let residentBytes: Int

    private let process: pid_t
    private var channel: LineChannel

    /// Longer than a daemon waits for a row that hangs.
    private static let patience: Int32 = 30_000

    /// Starts this program once more as a daemon of a size, so that nothing of one daemon is in another.
    ///
    /// - Parameters:
    ///   - name: The name in reports.
    ///   - mebibytes: The resident memory it grows to.
    ///   - account: The account its jobs run as.
    ///   - helperSocket: Where a system helper listens, if there is one.
    ///   - sudo: Who uses `sudo`, if somebody does.
    ///   - isUnprivileged: Whether it is that.
    /// - Throws: ``BenchmarkError`` when the daemon does not come up.
    init(
        name: String,
        mebibytes: Int,
        account: String,
        helperSocket: String?,
        sudo: UnprivilegedDaemon.Setting?,
        isUnprivileged: Bool = false
    ) throws {
        self.name = name
        let requests = try FileDescriptor.pipe()
        let replies = try FileDescriptor.pipe()
        // The two ends that stay here must not be open in the daemon, or it would never see the end.
        for end in [requests.writeEnd, replies.readEnd] {
            guard fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) == 0 else {
                throw BenchmarkError("a pipe could not be set up (errno \(errno))")
            }
        }
        process = try Self.start(
            ["spawn-benchmarks", "daemon", "--mebibytes", String(mebibytes), "--account", account]
                + (helperSocket.map { ["--helper-socket", $0] } ?? [])
                + (sudo.map { ["--worker", $0.worker, "--launcher", $0.launcher] } ?? [])
                + (isUnprivileged ? ["--unprivileged"] : []),
            standardInput: requests.readEnd,
            standardOutput: replies.writeEnd
        )
        try requests.readEnd.close()
        try replies.writeEnd.close()
        channel = LineChannel(reading: replies.readEnd, writing: requests.writeEnd)
        guard case .ready(let residentBytes) = try channel.receive(DaemonReply.self, within: Self.patience) else {
            throw BenchmarkError("the \(name) daemon did not start; it says why above")
        }
        self.residentBytes = residentBytes
    }

    /// Asks for something and waits for the answer.
    mutating func ask(_ request: DaemonRequest) throws -> DaemonReply {
        try channel.send(request)
        guard let reply = try channel.receive(DaemonReply.self, within: Self.patience) else {
            throw BenchmarkError("the \(name) daemon has ended; it says why above")
        }
        return reply
    }

    /// Ends the daemon and waits until it is gone.
    func end() {
        try? channel.writing.close()
        try? channel.reading.close()
        kill(process, SIGKILL)
        _ = try? Subprogram.wait(for: process)
    }

    private static func start(
        _ arguments: [String],
        standardInput: FileDescriptor,
        standardOutput: FileDescriptor
    ) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, standardInput.rawValue, STDIN_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, standardOutput.rawValue, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_addclose(&actions, standardInput.rawValue)
        unsafe posix_spawn_file_actions_addclose(&actions, standardOutput.rawValue)
        var process: pid_t = 0
        let code = try unsafe StringVector.withVectors(arguments, ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]) {
            unsafe posix_spawn(&process, "/proc/self/exe", &actions, nil, $0, $1)
        }
        guard code == 0 else { throw BenchmarkError("a daemon could not be started (errno \(code))") }
        return process
    }
}
