import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("A job whose memory never comes", .testBed, .enabled(if: TestBed.hasMachineRoot, "mounts a file system"))
struct HeldUpTests {
    /// Starts a job that leaves somebody standing still in the kernel and ends when it is told to.
    private func start(
        _ action: String,
        _ page: HeldPage,
        until go: FilePath,
        configure: (inout Command) -> Void
    ) async throws -> LaunchedProcess {
        let script = """
            exec 3<&0
            \(TestBed.probe) \(action) \(page.file) <&3 &
            while [ ! -e \(go) ]; do sleep 0.01; done
            exit 7
            """
        var command = Command(.path("/bin/sh"), arguments: ["-c", script])
        configure(&command)
        return try await SetUIDLauncher().launch(patient(command), as: TestBed.alice.identity)
    }

    /// The daemon still launches and reaps, for others.
    private func expectOthersToRun() async throws {
        let other = try await inTime { try await runScript("echo ran", as: TestBed.bob.identity).text }
        #expect(other == "ran\n")
    }

    private func create(_ path: FilePath) throws {
        try FileDescriptor.open(path, .writeOnly, options: [.create], permissions: .ownerReadWrite).close()
    }

    @Test("holds nobody up while the daemon captures its output, nor at its end")
    func captured() async throws {
        let page = try HeldPage(of: TestBed.alice)
        defer { page.release() }
        let go = freshPath("go")
        let process = try await start("--write-from", page, until: go) { $0.standardOutput = .captured(limit: 100) }
        try await page.isTouched()
        try create(go)
        #expect(try await inTime { try await process.exitReport().status } == .exited(7))
        try await expectOthersToRun()
    }

    @Test("holds nobody up while the daemon feeds it bytes, nor at its end")
    func fed() async throws {
        let page = try HeldPage(of: TestBed.alice)
        defer { page.release() }
        let go = freshPath("go")
        let process = try await start("--read-into", page, until: go) {
            $0.standardInput = .bytes([UInt8](repeating: 7, count: 1 << 20))
        }
        try await page.isTouched()
        try create(go)
        #expect(try await inTime { try await process.exitReport().status } == .exited(7))
        try await expectOthersToRun()
    }

    @Test("holds nobody up who ends it, also where its first process stands in the kernel")
    func termination() async throws {
        let page = try HeldPage(of: TestBed.alice)
        var command = Command(.path(FilePath(TestBed.probe)), arguments: ["--write-from", page.file])
        command.standardOutput = .captured(limit: 100)
        let process = try await SetUIDLauncher().launch(patient(command), as: TestBed.alice.identity)
        try await page.isTouched()
        let error = await #expect(throws: LaunchError.self) {
            try await process.terminate(gracePeriod: .milliseconds(200))
        }
        #expect(error?.code == .stillRunning)
        #expect(error?.description.hasPrefix("stillRunning: the job as alice does not end, step wait: process") == true)
        try await expectOthersToRun()
        // It is waited for all the same.
        page.release()
        let status = try await process.exitReport().status
        #expect(status == .signaled(.terminate))
    }

    @Test("holds no reader up, nor whoever closes the stream")
    func output() async throws {
        let page = try HeldPage(of: TestBed.alice)
        defer { page.release() }
        let go = freshPath("go")
        let process = try await start("--write-from", page, until: go) { $0.standardOutput = .stream }
        try await page.isTouched()
        let output = try #require(process.standardOutput)
        let reader = Task { try await text(of: output) }
        try create(go)
        #expect(try await inTime { try await process.exitReport().status } == .exited(7))
        #expect(try await isInTime { output.close() })
        #expect(try await isInTime { _ = try await reader.value })
        try await expectOthersToRun()
    }

    @Test("holds no writer up, nor whoever closes the stream")
    func input() async throws {
        let page = try HeldPage(of: TestBed.alice)
        defer { page.release() }
        let go = freshPath("go")
        let process = try await start("--read-into", page, until: go) { $0.standardInput = .stream }
        let input = try #require(process.standardInput)
        try await input.write([1])
        try await page.isTouched()
        #expect(try await isInTime { try await input.write([2]) })
        #expect(try await isInTime { input.close() })
        try create(go)
        #expect(try await inTime { try await process.exitReport().status } == .exited(7))
        try await expectOthersToRun()
    }

    @Test("holds nobody up with a pipe that the host has not taken")
    func untaken() async throws {
        let page = try HeldPage(of: TestBed.alice)
        defer { page.release() }
        let go = freshPath("go")
        do {
            let process = try await start("--write-from", page, until: go) { $0.standardOutput = .pipe }
            try await page.isTouched()
            try create(go)
            #expect(try await inTime { try await process.exitReport().status } == .exited(7))
        }
        try await expectOthersToRun()
    }

    @Test("holds nobody up at the end of its terminal")
    func terminal() async throws {
        let page = try HeldPage(of: TestBed.alice)
        defer { page.release() }
        let go = freshPath("go")
        do {
            let process = try await start("--read-into", page, until: go) {
                $0.terminal = .pseudoterminal(rows: 24, columns: 80)
            }
            let terminal = try #require(process.terminal)
            try await terminal.input.write(Array("typed\n".utf8))
            try await page.isTouched()
            try create(go)
            #expect(try await inTime { try await process.exitReport().status } == .exited(7))
            #expect(try await isInTime { terminal.close() })
        }
        try await expectOthersToRun()
    }

    @Test("holds nobody up who tells its terminal a size")
    func size() async throws {
        let page = try HeldPage(of: TestBed.alice)
        defer { page.release() }
        let go = freshPath("go")
        let process = try await start("--size-into", page, until: go) {
            $0.terminal = .pseudoterminal(rows: 24, columns: 80)
        }
        try await page.isTouched()
        let terminal = try #require(process.terminal)
        for rows: UInt16 in 30...40 {
            #expect(try await isInTime { try terminal.resize(rows: rows, columns: 90) })
        }
        try create(go)
        #expect(try await inTime { try await process.exitReport().status } == .exited(7))
        try await expectOthersToRun()
    }

    @Test("costs its account its terminals, and nobody else")
    func refusal() async throws {
        let pages = try (0..<4).map { _ in try HeldPage(of: TestBed.alice) }
        defer { for page in pages { page.release() } }
        for page in pages {
            let go = freshPath("go")
            let process = try await start("--read-into", page, until: go) {
                $0.terminal = .pseudoterminal(rows: 24, columns: 80)
            }
            try await #require(process.terminal).input.write(Array("typed\n".utf8))
            try await page.isTouched()
            try create(go)
            #expect(try await process.exitReport().status == .exited(7))
        }
        #expect(
            try await isInTime {
                while !PatientCloser.shared.isHeldUp(by: TestBed.alice.userID) { await Task.yield() }
            }
        )
        var command = Command(.path("/bin/true"))
        command.terminal = .pseudoterminal(rows: 24, columns: 80)
        let error = try await launchError(command, as: TestBed.alice.identity)
        #expect(error.step == .createPipes)
        #expect(error.errno == .resourceBusy)
        let other = try await SetUIDLauncher().launch(patient(command), as: TestBed.bob.identity)
        #expect(try await inTime { try await other.exitReport().status } == .exited(0))
    }
}

@Suite("A stream between daemon and job")
struct StreamChannelTests {
    private func read(_ channel: StreamChannel) -> (text: String, result: Int) {
        var bytes = [UInt8](repeating: 0, count: 100)
        let result = unsafe bytes.withUnsafeMutableBytes { unsafe channel.read(into: $0) }
        return (String(decoding: bytes.prefix(max(result, 0)), as: UTF8.self), result)
    }

    @Test("goes in one direction: the other end of an output reads the end, that of an input takes nothing")
    func direction() throws {
        let output = try StreamChannel.socket(jobWrites: true, of: 0)
        #expect(output.daemon.write([1], from: 0) == -Int(EPIPE))
        var byte: UInt8 = 0
        #expect(unsafe Glibc.read(output.job.rawValue, &byte, 1) == 0)
        let input = try StreamChannel.socket(jobWrites: false, of: 0)
        #expect(unsafe send(input.job.rawValue, &byte, 1, Int32(MSG_NOSIGNAL)) == -1)
        #expect(errno == EPIPE)
        #expect(read(input.daemon).result == 0)
    }

    @Test("keeps what was written when the writer has closed it, and then ends", arguments: [true, false])
    func end(_ refusesDescriptors: Bool) throws {
        let stream = try StreamChannel.socket(jobWrites: true, of: 0, refusesDescriptors: refusesDescriptors)
        #expect(read(stream.daemon).result == -Int(EAGAIN))
        #expect(unsafe write(stream.job.rawValue, "last", 4) == 4)
        stream.job.closeNow()
        #expect(read(stream.daemon).text == "last")
        #expect(read(stream.daemon).result == 0)
    }

    @Test("that the daemon closes with something unread is a broken pipe for the job, never a reset connection")
    func closing() throws {
        let stream = try StreamChannel.socket(jobWrites: true, of: 0)
        #expect(unsafe write(stream.job.rawValue, "unread", 6) == 6)
        stream.daemon.descriptor.closeNow()
        #expect(unsafe send(stream.job.rawValue, "x", 1, Int32(MSG_NOSIGNAL)) == -1)
        #expect(errno == EPIPE)
    }

    @Test(
        "never takes a descriptor that the job sends along, nor passes it over",
        arguments: [true, false],
        [0, Int32(MSG_OOB)]
    )
    func descriptors(_ refusesDescriptors: Bool, _ flags: Int32) throws {
        let stream = try StreamChannel.socket(jobWrites: true, of: 0, refusesDescriptors: refusesDescriptors)
        let pipe = try OwnedDescriptor.pipe()
        #expect(unsafe write(stream.job.rawValue, "before", 6) == 6)
        let sent = unsafe held_page_send_descriptor(stream.job.rawValue, pipe.writing.rawValue, "w", 1, flags)
        pipe.writing.closeNow()
        #expect(unsafe write(stream.job.rawValue, "after", 5) == 5)
        var events = pollfd(fd: pipe.reading.rawValue, events: 0, revents: 0)
        if sent == 0 {
            // Whoever takes "w" has the last copy of the writing end, and what its close takes falls to it.
            let first = read(stream.daemon)
            #expect(first.text == "before" || first.result == -Int(EBADMSG))
            #expect(read(stream.daemon).result == -Int(EBADMSG))
            #expect(unsafe poll(&events, 1, 0) == 0, "the descriptor still waits in the stream")
            stream.daemon.descriptor.closeNow()
            #expect(unsafe poll(&events, 1, 60_000) == 1, "it is closed with the stream, by another thread")
        } else {
            #expect(sent == -EPERM)
            #expect(read(stream.daemon).text == "beforeafter")
            #expect(unsafe poll(&events, 1, 0) == 1)
        }
    }
}
