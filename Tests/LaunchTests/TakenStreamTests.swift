import CLaunchPlan
import Dispatch
import Glibc
import Impersonation
import ImpersonationTesting
import Synchronization
import SystemPackage
import Testing

private let kinds = ForeignLauncher.Connection.allCases

/// The account that could hold up the close.
private let account = UserID(rawValue: TestBed.alice.userID)

@Suite("Output of a descriptor that a launcher brings along")
struct TakenOutputTests {
    @Test("arrives whole, in order, and then ends", arguments: kinds)
    func whole(_ connection: ForeignLauncher.Connection) async throws {
        let (writing, reading) = try ends(connection)
        let output = try ProcessOutput(takingOver: reading, account: account)
        let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        DispatchQueue(label: "writer")
            .async {
                _ = try? writing.closeAfter { try writing.writeAll(sent) }
            }
        var received: [UInt8] = []
        for try await chunk in output {
            #expect((1...65_536).contains(chunk.count))
            received += chunk
        }
        #expect(received == sent)
    }

    @Test("is not read before somebody asks for it", arguments: kinds)
    func backPressure(_ connection: ForeignLauncher.Connection) async throws {
        let (writing, reading) = try ends(connection)
        defer { try? writing.close() }
        let output = try ProcessOutput(takingOver: reading, account: account)
        // All that fits is there, and nobody has taken any of it.
        let held = try fill(writing)
        #expect(held < 1 << 22)
        #expect(try waitingBytes(reading) == held)
        var chunks = output.makeAsyncIterator()
        _ = try #require(try await chunks.next())
        #expect(try fill(writing) > 0)
    }

    @Test("that is closed is a broken pipe to whoever writes, and an end to whoever waits", arguments: kinds)
    func closing(_ connection: ForeignLauncher.Connection) async throws {
        let connection = connection.rawValue
        await #expect(processExitsWith: .success) { [connection = connection as String] in
            signal(SIGPIPE, SIG_IGN)
            let (writing, reading) = try ends(#require(ForeignLauncher.Connection(rawValue: connection)))
            let output = try ProcessOutput(takingOver: reading, account: account)
            let waiting = Task { try await text(of: output) }
            output.close()
            #expect(try await waiting.value.isEmpty)
            try await untilBroken(writing)
        }
    }

    @Test("is closed with its last copy", arguments: kinds)
    func ownership(_ connection: ForeignLauncher.Connection) async throws {
        let connection = connection.rawValue
        await #expect(processExitsWith: .success) { [connection = connection as String] in
            signal(SIGPIPE, SIG_IGN)
            let (writing, reading) = try ends(#require(ForeignLauncher.Connection(rawValue: connection)))
            _ = try ProcessOutput(takingOver: reading, account: account)
            try await untilBroken(writing)
        }
    }

    @Test("can be what a scripted process writes, which nobody has started")
    func scripted() async throws {
        let (writing, reading) = try ends(.pipe)
        let scripted = ScriptedProcess(standardOutput: try ProcessOutput(takingOver: reading, account: account))
        let identity = try await ExecutionIdentity.forTesting(account: .forTesting("alice", uid: 2_001))
        let launcher = RecordingLauncher(script: [.runs(scripted)])
        let process = try await launcher.launch(Command(.name("render")), as: identity)
        try writing.closeAfter { _ = try writing.writeAll("frame 1\n".utf8) }
        #expect(try await text(of: #require(process.standardOutput)) == "frame 1\n")
        #expect(process.standardInput == nil)
        scripted.end(.success(ExitReport(status: .exited(0))))
        #expect(try await process.exitReport().status == .exited(0))
    }
}

@Suite("Input by a descriptor that a launcher brings along")
struct TakenInputTests {
    @Test("waits while nobody reads, arrives whole, and ends where it is closed", arguments: kinds)
    func whole(_ connection: ForeignLauncher.Connection) async throws {
        let (writing, reading) = try ends(connection)
        let input = try ProcessInput(takingOver: writing, account: account)
        let sent = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let isWritten = Mutex(false)
        let writer = Task {
            try await input.write(sent)
            isWritten.withLock { $0 = true }
            input.close()
        }
        try await until(reading, says: POLLIN)
        #expect(!isWritten.withLock { $0 })
        #expect(try await readAll(reading) == sent)
        try await writer.value
        let late = await #expect(throws: StreamError.self) { try await input.write([1]) }
        #expect(late?.code == .closed)
    }

    @Test("that waits is given up by a cancellation and by a close", arguments: kinds)
    func givingUp(_ connection: ForeignLauncher.Connection) async throws {
        let (writing, reading) = try ends(connection)
        defer { try? reading.close() }
        let input = try ProcessInput(takingOver: writing, account: account)
        let cancelled = Task { try await input.write([UInt8](repeating: 1, count: 4_000_000)) }
        try await until(reading, says: POLLIN)
        cancelled.cancel()
        let first = await #expect(throws: StreamError.self) { try await cancelled.value }
        #expect(first?.code == .cancelled)
        let closed = Task { try await input.write([UInt8](repeating: 1, count: 4_000_000)) }
        input.close()
        let second = await #expect(throws: StreamError.self) { try await closed.value }
        #expect(second?.code == .closed)
    }

    @Test("that nobody reads any more is an error, never a SIGPIPE", arguments: kinds)
    func brokenPipe(_ connection: ForeignLauncher.Connection) async throws {
        let connection = connection.rawValue
        await #expect(processExitsWith: .success) { [connection = connection as String] in
            signal(SIGPIPE, SIG_DFL)
            let (writing, reading) = try ends(#require(ForeignLauncher.Connection(rawValue: connection)))
            let input = try ProcessInput(takingOver: writing, account: account)
            try await input.write([1, 2, 3])
            try reading.close()
            let error = await #expect(throws: StreamError.self) { try await input.write([1, 2, 3]) }
            #expect(error?.code == .brokenPipe)
            var pending = sigset_t()
            unsafe sigpending(&pending)
            #expect(unsafe sigismember(&pending, SIGPIPE) == 0)
        }
    }

    @Test("that nobody reads any more is no SIGPIPE either where somebody has made the pipe wait again")
    func partly() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            let pipe = try FileDescriptor.pipe()
            let written = await withCheckedContinuation { continuation in
                DispatchQueue(label: "writer")
                    .async {
                        let bytes = [UInt8](repeating: 1, count: 1 << 20)
                        let written = unsafe bytes.withUnsafeBytes { buffer in
                            unsafe linux_pipe_write(pipe.writeEnd.rawValue, buffer.baseAddress, buffer.count)
                        }
                        continuation.resume(returning: written)
                    }
                DispatchQueue(label: "reader")
                    .async {
                        // Full: a part is written, and the rest waits.
                        var event = pollfd(fd: pipe.writeEnd.rawValue, events: Int16(POLLOUT), revents: 0)
                        while unsafe poll(&event, 1, 0) != 0 { sched_yield() }
                        try? pipe.readEnd.close()
                    }
            }
            // F_GETPIPE_SZ
            #expect(written == Int(fcntl(pipe.writeEnd.rawValue, 1_032)))
        }
    }

    @Test("takes back its own SIGPIPE and nobody else's")
    func signals() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            let pipe = try FileDescriptor.pipe()
            try pipe.readEnd.close()
            var (mask, former) = (sigset_t(), sigset_t())
            unsafe sigemptyset(&mask)
            unsafe sigaddset(&mask, SIGPIPE)
            #expect(unsafe linux_pipe_write(pipe.writeEnd.rawValue, "x", 1) == -Int(EPIPE))
            unsafe pthread_sigmask(SIG_BLOCK, &mask, &former)
            #expect(unsafe sigismember(&former, SIGPIPE) == 0)
            #expect(unsafe linux_pipe_write(pipe.writeEnd.rawValue, "x", 1) == -Int(EPIPE))
            var pending = sigset_t()
            unsafe sigpending(&pending)
            #expect(unsafe sigismember(&pending, SIGPIPE) == 0)
            raise(SIGPIPE)
            #expect(unsafe linux_pipe_write(pipe.writeEnd.rawValue, "x", 1) == -Int(EPIPE))
            unsafe sigpending(&pending)
            #expect(unsafe sigismember(&pending, SIGPIPE) == 1)
            unsafe pthread_sigmask(SIG_SETMASK, nil, &former)
            #expect(unsafe sigismember(&former, SIGPIPE) == 1)
        }
    }
}

@Suite("A terminal that a launcher brings along")
struct TakenTerminalTests {
    @Test("carries both ways, changes its size, and keeps what was written last when the job ends")
    func both() async throws {
        let (master, slave) = try terminal()
        let terminal = try PseudoTerminal(takingOver: master, account: account)
        let output = terminal.output
        // Whoever reads waits while somebody writes: the two need descriptors of their own.
        let waiting = Task {
            var chunks = output.makeAsyncIterator()
            return try await chunks.next()
        }
        try await terminal.input.write(Array("typed\n".utf8))
        var line = [UInt8](repeating: 0, count: 64)
        let count = try unsafe line.withUnsafeMutableBytes { try unsafe slave.read(into: $0) }
        #expect(line.prefix(count) == Array("typed\n".utf8)[...])
        try slave.writeAll("said".utf8)
        #expect(try await waiting.value == Array("said".utf8))

        try terminal.resize(rows: 33, columns: 101)
        while PseudoTerminal.size(of: slave).map({ $0 != (33, 101) }) ?? true {
            try await Task.sleep(for: .milliseconds(1))
        }

        try slave.writeAll("last".utf8)
        terminal.endWithJob()
        #expect(try await text(of: output) == "last")
        try await untilHungUp(slave)
        #expect(throws: Errno.self) { try slave.writeAll("x".utf8) }
        try slave.close()
        #expect(throws: StreamError.self) { try terminal.resize(rows: 1, columns: 1) }
    }

    @Test("ends with a scripted process")
    func scripted() async throws {
        let (master, slave) = try terminal()
        let terminal = try PseudoTerminal(takingOver: master, account: account)
        let process = ScriptedProcess(terminal: terminal)
        try slave.writeAll("last".utf8)
        process.end(.success(ExitReport(status: .exited(0))))
        #expect(try await text(of: terminal.output) == "last")
        try await untilHungUp(slave)
        #expect(throws: Errno.self) { try slave.writeAll("x".utf8) }
        try slave.close()
    }

    /// Waits until a terminal is hung up, which a thread does that nobody waits for.
    ///
    /// POLLHUP comes before that: as soon as the last descriptor of the other end is being closed, and what is written may still be
    /// taken. Only one that was hung up says POLLERR (`tty_io.c`, `hung_up_tty_poll`).
    private func untilHungUp(_ slave: FileDescriptor) async throws {
        var event = pollfd(fd: slave.rawValue, events: 0, revents: 0)
        for _ in 0..<60_000 where event.revents & Int16(POLLERR) == 0 {
            try await Task.sleep(for: .milliseconds(1))
            _ = unsafe poll(&event, 1, 0)
        }
        try #require(event.revents & Int16(POLLERR) != 0)
    }

    /// A pseudo-terminal that passes on byte by byte what is typed.
    private func terminal() throws -> (master: FileDescriptor, slave: FileDescriptor) {
        var (master, slave): (Int32, Int32) = (-1, -1)
        var settings = termios()
        try #require(unsafe openpty(&master, &slave, nil, nil, nil) == 0)
        try #require(unsafe tcgetattr(slave, &settings) == 0)
        unsafe cfmakeraw(&settings)
        try #require(unsafe tcsetattr(slave, TCSANOW, &settings) == 0)
        return (FileDescriptor(rawValue: master), FileDescriptor(rawValue: slave))
    }
}

@Suite("A descriptor that a launcher brings along")
struct TakenDescriptorTests {
    @Test("is closed by an exec once it was taken over", arguments: kinds)
    func closeOnExec(_ connection: ForeignLauncher.Connection) throws {
        let (writing, reading) = try ends(connection)
        for end in [writing, reading] { #expect(fcntl(end.rawValue, F_SETFD, 0) == 0) }
        let input = try ProcessInput(takingOver: writing, account: account)
        let output = try ProcessOutput(takingOver: reading, account: account)
        for end in [writing, reading] { #expect(fcntl(end.rawValue, F_GETFD) == FD_CLOEXEC) }
        input.close()
        output.close()
    }

    @Test("is for one direction alone, where it is a socket, as those of the library are")
    func oneDirection() throws {
        let (first, job) = try ends(.socket)
        let output = try ProcessOutput(takingOver: first, account: account)
        var byte: UInt8 = 0
        #expect(unsafe linux_stream_read(job.rawValue, &byte, 1, 0) == 0)
        let (otherJob, second) = try ends(.socket)
        let input = try ProcessInput(takingOver: second, account: account)
        #expect(unsafe linux_stream_write(otherJob.rawValue, "x", 1) == -Int(EPIPE))
        output.close()
        input.close()
        try job.close()
        try otherJob.close()
    }

    @Test("is the caller's, and as it was, when it cannot be a stream")
    func unsuitable() throws {
        let file = try FileDescriptor.open(FilePath("/etc/passwd"), .readOnly)
        let null = try FileDescriptor.open(FilePath("/dev/null"), .readWrite)
        let pipe = try FileDescriptor.pipe()
        let fifo = freshFIFO()
        let both = try FileDescriptor.open(fifo, .readWrite, options: .nonBlocking)
        let unconnected = FileDescriptor(rawValue: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        var datagrams: [Int32] = [-1, -1]
        #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &datagrams) == 0)
        let datagram = FileDescriptor(rawValue: datagrams[0])
        let all = [file, null, pipe.readEnd, pipe.writeEnd, both, unconnected, datagram]
        defer {
            _ = unsafe unlink(fifo.string)
            for descriptor in all + [FileDescriptor(rawValue: datagrams[1])] { try? descriptor.close() }
        }
        for descriptor in all {
            let before = flags(descriptor)
            for (purpose, take) in Self.ways
            where (purpose, descriptor) != ("input", pipe.writeEnd) && (purpose, descriptor) != ("output", pipe.readEnd)
            {
                let error = #expect(throws: StreamError.self) { try take(descriptor) }
                #expect(error?.code == .unsuitable)
                #expect(error?.message.contains("; ") == true, "there is no remedy: \(error?.message ?? "")")
            }
            #expect(flags(descriptor) == before)
        }
        for (_, take) in Self.ways {
            let error = #expect(throws: StreamError.self) { try take(FileDescriptor(rawValue: 999_999)) }
            #expect(error?.code == .failed)
            #expect(error?.errno == .badFileDescriptor)
        }
    }

    private static let ways: [(String, @Sendable (FileDescriptor) throws -> Void)] = [
        ("input", { _ = try ProcessInput(takingOver: $0, account: account) }),
        ("output", { _ = try ProcessOutput(takingOver: $0, account: account) }),
        ("terminal", { _ = try PseudoTerminal(takingOver: $0, account: account) }),
    ]

    private func flags(_ descriptor: FileDescriptor) -> [Int32] {
        [fcntl(descriptor.rawValue, F_GETFD), fcntl(descriptor.rawValue, F_GETFL)]
    }

    private func freshFIFO() -> FilePath {
        let path = FilePath("/tmp/fifo-\(getpid())-\(UInt64.random(in: 0...UInt64.max))")
        #expect(unsafe mkfifo(path.string, 0o600) == 0)
        return path
    }
}

/// The two ends of a stream in one direction.
private func ends(_ connection: ForeignLauncher.Connection) throws -> (writing: FileDescriptor, reading: FileDescriptor)
{
    guard connection == .socket else {
        let pipe = try FileDescriptor.pipe()
        return (pipe.writeEnd, pipe.readEnd)
    }
    var ends: [Int32] = [-1, -1]
    try #require(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    return (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
}

/// Writes without waiting until no more is taken.
private func fill(_ descriptor: FileDescriptor) throws -> Int {
    let flags = fcntl(descriptor.rawValue, F_GETFL)
    #expect(fcntl(descriptor.rawValue, F_SETFL, flags | O_NONBLOCK) == 0)
    defer { _ = fcntl(descriptor.rawValue, F_SETFL, flags) }
    let block = [UInt8](repeating: 1, count: 4_096)
    var total = 0
    while total < 1 << 22 {
        do {
            total += try unsafe block.withUnsafeBytes { try unsafe descriptor.write($0) }
        } catch Errno.resourceTemporarilyUnavailable {
            break
        }
    }
    return total
}

private func waitingBytes(_ descriptor: FileDescriptor) throws -> Int {
    let count = linux_stream_waiting(descriptor.rawValue)
    try #require(count >= 0)
    return count
}

/// Reads to the end, on a thread that may wait.
private func readAll(_ descriptor: FileDescriptor) async throws -> [UInt8] {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue(label: "reader")
            .async {
                continuation.resume(
                    with: Result {
                        var bytes: [UInt8] = []
                        var block = [UInt8](repeating: 0, count: 65_536)
                        while case let count = try unsafe block.withUnsafeMutableBytes({
                            try unsafe descriptor.read(into: $0)
                        }), count > 0 { bytes += block.prefix(count) }
                        try descriptor.close()
                        return bytes
                    }
                )
            }
    }
}

/// Comes back when nobody reads any more: the close is on a thread of its own.
private func untilBroken(_ descriptor: FileDescriptor) async throws {
    try await until(descriptor, says: POLLERR | POLLHUP)
    let error = #expect(throws: Errno.self) { try descriptor.writeAll([1]) }
    #expect(error == .brokenPipe || error == .connectionReset)
}

/// Waits for an event of a descriptor, on a thread that may wait.
func until(_ descriptor: FileDescriptor, says events: Int32) async throws {
    let count = await withCheckedContinuation { continuation in
        DispatchQueue(label: "events")
            .async {
                var event = pollfd(fd: descriptor.rawValue, events: Int16(events), revents: 0)
                continuation.resume(returning: unsafe poll(&event, 1, 60_000))
            }
    }
    try #require(count == 1)
}
