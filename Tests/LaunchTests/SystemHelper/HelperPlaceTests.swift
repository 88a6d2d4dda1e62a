import CHelperService
import CLaunchProtocol
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan
@testable import LaunchProtocol

@Suite("The path of a helper's socket", .testBed)
struct HelperPlaceTests {
    /// The status of a helper that could not begin (`EX_UNAVAILABLE`, `EX_CONFIG` of `sysexits.h`).
    private static let unavailable: Int32 = 69 << 8
    private static let configuration: Int32 = 78 << 8

    private func freshDirectory() throws -> FilePath {
        let directory = FilePath(TestBed.directory).appending("place-\(UInt64.random(in: 0...UInt64.max))")
        try #require(unsafe mkdir(directory.string, 0o755) == 0)
        return directory
    }

    private func lock(of socket: FilePath) -> FilePath { FilePath(socket.string + ".lock") }

    /// Leaves a socket that nobody listens at, as a helper does that is killed.
    private func leaveSocket(at path: FilePath) throws {
        let descriptor = unsafe socket_listen(path.string, 1, 0o600)
        try #require(descriptor >= 0)
        close(descriptor)
    }

    private func inode(of path: FilePath) -> UInt64? {
        var status = stat()
        return unsafe lstat(path.string, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Who listens at a path.
    private func listener(at path: FilePath) throws -> pid_t {
        let socket = try FrameSocket(connectingTo: path)
        var (process, user, group): (Int32, UInt32, UInt32) = (0, .max, .max)
        try #require(unsafe socket_peer(socket.descriptor.rawValue, &process, &user, &group) == 0)
        return process
    }

    @Test("is one's alone, however many are started at once over the socket of one that was killed")
    func atOnce() async throws {
        let directory = try freshDirectory()
        for round in 0..<30 {
            let socket = directory.appending("\(round).sock")
            try leaveSocket(at: socket)
            let helpers = try (0..<4).map { _ in try StartedHelper(at: socket) }
            // Each of them says that it serves, or ends.
            try await wait { helpers.allSatisfy { $0.serves || $0.hasEnded } }
            let serving = helpers.filter(\.serves)
            try #require(serving.count == 1, "round \(round): \(helpers.map(\.log))")
            let one = serving[0]
            #expect(try listener(at: socket) == one.process)
            for other in helpers where !other.serves {
                #expect(other.status == Self.unavailable)
                #expect(
                    other.log.contains("another helper, process \(one.process), already serves \(socket)"),
                    "\(other.log)"
                )
            }
            #expect(one.end() == 0)
            #expect(!exists(socket))
            #expect(!exists(lock(of: socket)))
        }
    }

    @Test("is that of a helper which has only begun to look at it, and what lies there is left to that one")
    func lookedAt() async throws {
        let socket = try freshDirectory().appending("helper.sock")
        try leaveSocket(at: socket)
        let left = inode(of: socket)
        // This process is that helper.
        let file = try FileDescriptor.open(
            lock(of: socket),
            .readWrite,
            options: [.create, .exclusiveCreate, .closeOnExec],
            permissions: [.ownerReadWrite]
        )
        var holder: Int32 = -1
        try #require(unsafe helper_lock(file.rawValue, &holder) == 0)
        let late = try StartedHelper(at: socket)
        try await wait { late.hasEnded || late.serves }
        #expect(late.status == Self.unavailable)
        #expect(late.log.contains("another helper, process \(getpid()), already serves \(socket)"), "\(late.log)")
        #expect(inode(of: socket) == left)
        try file.close()
        // What one has left that has ended, however it did, is nobody's.
        let next = try StartedHelper(at: socket)
        try await wait { next.hasEnded || next.serves }
        #expect(next.serves, "\(next.log)")
        #expect(try listener(at: socket) == next.process)
        #expect(next.end() == 0)
    }

    @Test("is that of a helper which runs also when nobody can ask that one any more")
    func unreachable() async throws {
        let socket = try freshDirectory().appending("helper.sock")
        let helper = try RunningHelper(at: socket)
        try #require(unsafe unlink(socket.string) == 0)
        let other = try StartedHelper(at: socket)
        try await wait { other.hasEnded || other.serves }
        #expect(other.log.contains("another helper, process \(helper.process), already serves \(socket)"))
        #expect(other.status == Self.unavailable)
        #expect(helper.stop() == 0)
    }

    @Test("keeps a socket that another process has put there when the helper ends")
    func foreignSocket() async throws {
        let socket = try freshDirectory().appending("helper.sock")
        let helper = try RunningHelper(at: socket)
        try #require(unsafe unlink(socket.string) == 0)
        let other = try FalseHelper(at: socket)
        let made = inode(of: socket)
        #expect(helper.stop() == 0)
        #expect(inode(of: socket) == made)
        #expect(try listener(at: socket) == getpid())
        withExtendedLifetime(other) {}
    }

    @Test("is the next helper's as soon as one has ended whose jobs go on", arguments: [SIGTERM, SIGKILL])
    func keptJobs(_ signal: Int32) async throws {
        let socket = try freshDirectory().appending("helper.sock")
        let policy = ["peers = 0", "when-daemon-ends = keep-allowed"]
        let first = try RunningHelper(policy: policy, at: socket)
        var command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
        command.daemonEnd = .goOn
        let job = try await first.launcher.launch(command, as: TestBed.alice.identity)
        let monitor = try ProcessStat(of: job.processID.rawValue).parent
        let others = first.monitors.filter { $0 != monitor }
        first.stop(signal)
        // Those that waited for daemons end with the helper, and have its socket as long as they are there.
        for other in others { try await wait { ProcessStart.time(of: other) == nil } }
        #expect(ProcessStart.time(of: monitor) != nil)
        let next = try RunningHelper(policy: policy, at: socket)
        #expect(try listener(at: socket) == next.process)
        // The process that outlives the helper still serves its daemon.
        #expect(try await job.terminate(gracePeriod: .seconds(60)).status == .signaled(.terminate, coreDumped: false))
        #expect(next.stop() == 0)
    }

    @Test("is refused where others could take it, by a file that they may open", arguments: [0o644, 0o606] as [mode_t])
    func openLock(_ mode: mode_t) async throws {
        let socket = try freshDirectory().appending("helper.sock")
        try writeFile("", to: lock(of: socket))
        try #require(unsafe chmod(lock(of: socket).string, mode) == 0)
        let helper = try StartedHelper(at: socket)
        try await wait { helper.hasEnded || helper.serves }
        #expect(helper.status == Self.configuration)
        #expect(helper.log.contains("\(lock(of: socket)) is no file of the helper's alone"), "\(helper.log)")
        #expect(!exists(socket))
    }

    @Test("is refused in a directory of another account's, or below one, and nothing is made there")
    func foreignDirectory() async throws {
        let directory = try freshDirectory()
        let below = directory.appending("below")
        try #require(unsafe mkdir(below.string, 0o755) == 0)
        try #require(unsafe chown(directory.string, TestBed.alice.userID, TestBed.alice.groupID) == 0)
        for place in [directory, below] {
            let socket = place.appending("helper.sock")
            let helper = try StartedHelper(at: socket)
            try await wait { helper.hasEnded || helper.serves }
            #expect(helper.status == Self.configuration)
            let complaint = "the directory \(directory) belongs to user id \(TestBed.alice.userID) with mode 755"
            #expect(helper.log.contains(complaint), "\(helper.log)")
            #expect(!exists(socket))
            #expect(!exists(lock(of: socket)))
        }
    }
}
