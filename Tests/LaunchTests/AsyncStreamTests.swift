import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("Input from bytes", .testBed)
struct BytesInputTests {
    @Test("arrives whole, whatever its size", arguments: everyIsolation, [0, 1, 65_536, 65_537, 3 << 20])
    func whole(_ isolation: SetUIDLauncher.Isolation, _ size: Int) async throws {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        var command = Command(.path("/bin/cat"))
        command.standardInput = .bytes(bytes)
        let result = try await run(command, as: TestBed.alice.identity, SetUIDLauncher(isolation: isolation))
        #expect(result.exit.status == .exited(0))
        #expect(result.exit.standardOutput?.bytes == bytes)
    }

    @Test("need not be read: the job ends as it likes, and the daemon with SIGPIPE at its default lives on")
    func unread() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            let person = try await TestBed.alice.identity
            for script in ["exit 3", "exec <&-; exit 3", "head -c 1 >/dev/null; exit 3"] {
                let result = try await runScript(script, as: person) {
                    $0.standardInput = .bytes([UInt8](repeating: 0, count: 1 << 20))
                }
                #expect(result.exit.status == .exited(3))
            }
        }
    }

    @Test("ends with the job, also when a descendant still holds it")
    func descendants() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await TestBed.alice.identity
            _ = try await runScript("exit 0", as: person)
            let before = try await openDescriptorCount()
            let result = try await runScript("sleep 3600 <&0 & echo $!", as: person) {
                $0.standardInput = .bytes([UInt8](repeating: 0, count: 1 << 20))
            }
            #expect(result.exit.status == .exited(0))
            let sleeper = try #require(Int32(result.text.split(separator: "\n").last ?? ""))
            #expect(try await openDescriptorCount() <= before)
            #expect(kill(sleeper, SIGKILL) == 0)
        }
    }
}

@Suite("Output as a stream", .testBed)
struct OutputStreamTests {
    @Test("arrives whole and in order", arguments: everyIsolation)
    func whole(_ isolation: SetUIDLauncher.Isolation) async throws {
        let process = try await start("seq 1 200000", SetUIDLauncher(isolation: isolation)) {
            $0.standardOutput = .stream
        }
        let text = try await text(of: #require(process.standardOutput))
        #expect(text == (1...200_000).map { "\($0)\n" }.joined())
        #expect(try await process.exitReport().status == .exited(0))
        #expect(process.standardError == nil)
        #expect(process.takeStandardOutput() == nil)
    }

    @Test("holds the job back while nobody asks for more")
    func backPressure() async throws {
        let process = try await start("exec head -c 5000000 /dev/zero") { $0.standardOutput = .stream }
        try await untilItWaitsInWrite(process.processID)
        var total = 0
        for try await chunk in try #require(process.standardOutput) {
            #expect((1...65_536).contains(chunk.count))
            total += chunk.count
        }
        #expect(total == 5_000_000)
        #expect(try await process.exitReport().status == .exited(0))
    }

    @Test("and messages are read side by side, whichever the job fills first")
    func both() async throws {
        let process = try await start("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero") {
            $0.standardOutput = .stream
            $0.standardError = .stream
        }
        let (output, error) = (try #require(process.standardOutput), try #require(process.standardError))
        async let first = count(output)
        async let second = count(error)
        #expect(try await (first, second) == (300_000, 300_000))
    }

    @Test("ends with the last process that holds it, which may outlive the job")
    func descendants() async throws {
        let process = try await start("exec 3<&0; (read line; echo after) <&3 & exit 0") {
            $0.standardInput = .stream
            $0.standardOutput = .stream
        }
        #expect(try await process.exitReport().status == .exited(0))
        let input = try #require(process.standardInput)
        let output = try #require(process.standardOutput)
        input.close()
        #expect(try await text(of: output) == "after\n")
    }

    @Test("that a cancelled task waits for is an error, not an end; another task reads on and misses nothing")
    func cancellation() async throws {
        let process = try await start("read line; echo one; read line; echo two") {
            $0.standardInput = .stream
            $0.standardOutput = .stream
        }
        let output = try #require(process.standardOutput)
        let waiting = Task {
            var chunks = output.makeAsyncIterator()
            return try await chunks.next()
        }
        waiting.cancel()
        let cancelled = await #expect(throws: StreamError.self) { try await waiting.value }
        #expect(cancelled?.code == .cancelled)
        let input = try #require(process.standardInput)
        try await input.write(Array("x\nx\n".utf8))
        #expect(try await text(of: output) == "one\ntwo\n")
    }

    @Test("is one task's at a time")
    func busy() async throws {
        let process = try await start("read line; echo one") {
            $0.standardInput = .stream
            $0.standardOutput = .stream
        }
        let output = try #require(process.standardOutput)
        try await withThrowingTaskGroup(of: Result<[UInt8]?, StreamError>.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    do throws(StreamError) {
                        var chunks = output.makeAsyncIterator()
                        return .success(try await chunks.next())
                    } catch {
                        return .failure(error)
                    }
                }
            }
            // There is nothing to read yet, so only the one who comes second is done.
            let second = try #require(await group.next())
            #expect(throws: StreamError.self) { try second.get() }
            if case .failure(let error) = second { #expect(error.code == .busy) }
            try await #require(process.standardInput).write(Array("x\n".utf8))
            #expect(try await group.next()?.get() == Array("one\n".utf8))
        }
    }

    @Test("that is closed ends a job that goes on writing, and whoever waits gets the end")
    func closing() async throws {
        let process = try await start("read line; exec yes") {
            $0.standardInput = .stream
            $0.standardOutput = .stream
        }
        let output = try #require(process.standardOutput)
        async let waiting = text(of: output)
        output.close()
        #expect(try await waiting.isEmpty)
        try await #require(process.standardInput).write(Array("x\n".utf8))
        #expect(try await process.exitReport().status == .signaled(Signal(rawValue: SIGPIPE), coreDumped: false))
    }
}

@Suite("Input as a stream", .testBed)
struct InputStreamTests {
    @Test("arrives whole and ends where it is closed", arguments: everyIsolation)
    func whole(_ isolation: SetUIDLauncher.Isolation) async throws {
        let process = try await start("wc -c", SetUIDLauncher(isolation: isolation)) {
            $0.standardInput = .stream
            $0.standardOutput = .stream
        }
        let input = try #require(process.standardInput)
        for _ in 0..<10 { try await input.write([UInt8](repeating: 7, count: 100_000)) }
        input.close()
        #expect(try await text(of: #require(process.standardOutput)) == "1000000\n")
        let late = await #expect(throws: StreamError.self) { try await input.write([1]) }
        #expect(late?.code == .closed)
    }

    @Test("is fed by a sequence, one job's output by another's")
    func sequence() async throws {
        let first = try await start("seq 1 100000") { $0.standardOutput = .stream }
        let second = try await start("wc -l") {
            $0.standardInput = .stream
            $0.standardOutput = .stream
        }
        let (output, input) = (try #require(first.standardOutput), try #require(second.standardInput))
        try await input.writeAll(output)
        #expect(try await text(of: #require(second.standardOutput)) == "100000\n")
    }

    @Test("waits while the job does not read, and a cancelled writer gives up")
    func backPressure() async throws {
        let process = try await start("kill -STOP $$; exec wc -c") {
            $0.standardInput = .stream
            $0.standardOutput = .stream
        }
        let input = try #require(process.standardInput)
        let taken = Mutex(0)
        let writer = Task {
            for _ in 0..<64 {
                try await input.write([UInt8](repeating: 7, count: 1 << 16))
                taken.withLock { $0 += 1 }
            }
        }
        while taken.withLock({ $0 }) < 2 { await Task.yield() }
        writer.cancel()
        let cancelled = await #expect(throws: StreamError.self) { try await writer.value }
        #expect(cancelled?.code == .cancelled)
        input.close()
        // It may not have stopped yet.
        try await untilStopped(process.processID)
        try process.send(.resume)
        let count = try await Int(text(of: #require(process.standardOutput)).dropLast()) ?? 0
        #expect((2 << 16..<1 << 19).contains(count), "\(count) bytes were on the way")
    }

    @Test("that nobody reads any more is an error, and the daemon with SIGPIPE at its default lives on")
    func brokenPipe() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            let process = try await start("exit 0") { $0.standardInput = .stream }
            let input = try #require(process.standardInput)
            #expect(try await process.exitReport().status == .exited(0))
            let error = await #expect(throws: StreamError.self) { try await input.write([1, 2, 3]) }
            #expect(error?.code == .brokenPipe)
            #expect(error?.errno == .brokenPipe)
            var pending = sigset_t()
            unsafe sigpending(&pending)
            #expect(unsafe sigismember(&pending, SIGPIPE) == 0)
        }
    }
}

/// Starts a script as alice.
func start(
    _ script: String,
    _ launcher: SetUIDLauncher = SetUIDLauncher(),
    configure: (inout Command) -> Void
) async throws -> LaunchedProcess {
    var command = Command(.path("/bin/sh"), arguments: ["-c", script])
    configure(&command)
    return try await launcher.launch(patient(command), as: TestBed.alice.identity)
}

/// Everything a stream has to say.
func text(of output: ProcessOutput) async throws -> String {
    var bytes: [UInt8] = []
    for try await chunk in output { bytes += chunk }
    return String(decoding: bytes, as: UTF8.self)
}

private func count(_ output: ProcessOutput) async throws -> Int {
    var count = 0
    for try await chunk in output { count += chunk.count }
    return count
}

/// Comes back when a process stands in its write(2) to standard output.
private func untilItWaitsInWrite(_ process: ProcessID) async throws {
    #if arch(arm64)
    let write = "64 0x1 "
    #else
    let write = "1 0x1 "
    #endif
    while try !ProcFile.read(FilePath("/proc/\(process.rawValue)/syscall")).hasPrefix(write) { await Task.yield() }
}

private func untilStopped(_ process: ProcessID) async throws {
    while try !ProcFile.read(FilePath("/proc/\(process.rawValue)/status")).contains("State:\tT") { await Task.yield() }
}
