import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The terminal of a job", .testBed)
struct TerminalTests {
    @Test("is its own: controlling terminal, standard streams, and nothing else", arguments: everyIsolation)
    func own(_ isolation: SetUIDLauncher.Isolation) async throws {
        let path = freshPath("probe-output")
        let process = try await launch([TestBed.probe, "--output", path.string], isolation)
        #expect(process.standardOutput == nil)
        #expect(process.takeStandardInput() == nil)
        let output = try await text(of: #require(process.terminal).output)
        #expect(output.isEmpty)
        #expect(try await process.exitReport().status == .exited(0))
        let report = try ProbeReport(json: Array(ProcFile.read(path).utf8))
        #expect(report.sessionLeader)
        #expect(report.descriptors.map(\.number) == [0, 1, 2])
        // Major number 136 and above are the slaves of pseudo-terminals.
        #expect(report.controllingTerminal >> 8 & 0xFF == 136)
        for descriptor in report.descriptors {
            #expect(descriptor.target?.hasPrefix("/dev/pts/") == true)
            #expect(descriptor.type == "character")
            #expect(descriptor.access == "readWrite")
            #expect(!descriptor.nonblocking)
        }
        #expect(report.userID == .all(TestBed.alice.userID))
    }

    @Test("belongs to the account and the group tty, and to nobody else", arguments: everyIsolation)
    func ownership(_ isolation: SetUIDLauncher.Isolation) async throws {
        let process = try await launch(
            ["/bin/sh", "-c", "stat -c %U:%G:%a $(tty); echo reopened >$(tty); tty; read line"],
            isolation
        )
        let terminal = try #require(process.terminal)
        var chunks = terminal.output.makeAsyncIterator()
        var said = ""
        while said.filter({ $0 == "\r\n" }).count < 3 {
            said += String(decoding: try #require(try await chunks.next()), as: UTF8.self)
        }
        let lines = said.split(separator: "\r\n")
        #expect(lines.prefix(2) == ["alice:tty:620", "reopened"])
        let path = try #require(lines.last)
        let spying = try await runScript(": <\(path)", as: TestBed.bob.identity)
        #expect(spying.exit.status != .exited(0))
        let writing = try await runScript(": >\(path)", as: TestBed.bob.identity)
        #expect(writing.exit.status != .exited(0))
        try await terminal.input.write(Array("\n".utf8))
        #expect(try await process.exitReport().status == .exited(0))
    }

    @Test("is there for a job that keeps the account of the worker", arguments: [true, false])
    func keepingAccount(_ isOrdinary: Bool) async throws {
        await #expect(processExitsWith: .success) { [isOrdinary = isOrdinary as Bool] in
            let person = try await TestBed.alice.identity
            let groups: [gid_t] = TestBed.alice.groups
            #expect(unsafe setgroups(groups.count, groups) == 0)
            #expect(setgid(TestBed.alice.groupID) == 0)
            #expect(setuid(TestBed.alice.userID) == 0)
            let identity = ExecutionIdentity(
                admitted: person.account,
                login: person.login,
                mode: isOrdinary ? .user : .desktop,
                method: isOrdinary ? .switchAccount : .keepCurrentAccount
            )
            let launcher: any ProcessLauncher = isOrdinary ? SetUIDLauncher() : CurrentUserLauncher()
            var command = Command(.path("/bin/sh"), arguments: ["-c", "stat -c %U:%G:%a $(tty)"])
            command.terminal = .pseudoterminal(rows: 24, columns: 80)
            let process = try await launcher.launch(patient(command), as: identity)
            #expect(try await text(of: #require(process.terminal).output) == "alice:alice:600\r\n")
        }
    }

    @Test("echoes what is typed, and byte 4 ends the input", arguments: everyIsolation)
    func typing(_ isolation: SetUIDLauncher.Isolation) async throws {
        let process = try await launch(["/bin/cat"], isolation)
        let terminal = try #require(process.terminal)
        try await terminal.input.write(Array("one\n\u{4}".utf8))
        #expect(try await text(of: terminal.output) == "one\r\none\r\n")
        #expect(try await process.exitReport().status == .exited(0))
    }

    @Test("carries much in both directions")
    func much() async throws {
        let process = try await launch(["/bin/sh", "-c", "stty raw -echo; echo go; head -c 1000000 | tr x y"])
        let terminal = try #require(process.terminal)
        var chunks = terminal.output.makeAsyncIterator()
        var said: [UInt8] = []
        while !said.contains(UInt8(ascii: "\n")) { said += try #require(try await chunks.next()) }
        async let writing: Void = terminal.input.write([UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000))
        var count = said.count { $0 == UInt8(ascii: "y") }
        while let chunk = try await chunks.next() { count += chunk.count { $0 == UInt8(ascii: "y") } }
        try await writing
        #expect(count == 1_000_000)
    }

    @Test("interrupts the job by byte 3", arguments: everyIsolation)
    func interrupt(_ isolation: SetUIDLauncher.Isolation) async throws {
        let process = try await launch(["/bin/sleep", "3600"], isolation)
        try await #require(process.terminal).input.write([3])
        #expect(try await process.exitReport().status == .signaled(.interrupt, coreDumped: false))
    }

    @Test("has the size it was given, and tells the job of a new one")
    func size() async throws {
        let script = #"trap 'stty size; exit 0' WINCH; stty size; while :; do read -r -t 0.05 line; done"#
        let process = try await launch(["/bin/bash", "-c", script], rows: 50, columns: 132)
        let terminal = try #require(process.terminal)
        var chunks = terminal.output.makeAsyncIterator()
        #expect(try await chunks.next() == Array("50 132\r\n".utf8))
        try terminal.resize(rows: 20, columns: 40)
        let said = try await text(of: terminal.output)
        #expect(said == "20 40\r\n")
        #expect(try await process.exitReport().status == .exited(0))
    }

    @Test("that is closed hangs the job up")
    func hangup() async throws {
        let process = try await launch(["/bin/sleep", "3600"])
        let terminal = try #require(process.terminal)
        terminal.close()
        #expect(try await process.exitReport().status == .signaled(.hangup, coreDumped: false))
        let error = #expect(throws: StreamError.self) { try terminal.resize(rows: 1, columns: 1) }
        #expect(error?.code == .closed)
    }

    @Test("keeps what the job wrote last until somebody reads it")
    func lastWords() async throws {
        for _ in 0..<50 {
            let process = try await launch(["/bin/sh", "-c", "echo last; exit 3"])
            #expect(try await process.exitReport().status == .exited(3))
            #expect(try await text(of: #require(process.terminal).output) == "last\r\n")
        }
    }

    @Test("keeps as much as it holds")
    func manyLastWords() async throws {
        let process = try await launch(["/bin/sh", "-c", "head -c 8000 /dev/zero | tr '\\0' x"])
        #expect(try await process.exitReport().status == .exited(0))
        let text = try await text(of: #require(process.terminal).output)
        #expect(text == String(repeating: "x", count: 8_000))
    }

    @Test("ends with the job, whatever goes on writing to it, and nobody has it any more")
    func orphan() async throws {
        let (begun, gone) = (freshPath("begun"), freshPath("gone"))
        let orphan = #"trap "" HUP; while echo more >$0; do >\#(begun); done 2>/dev/null; >\#(gone)"#
        let script = """
            terminal=$(tty)
            setsid sh -c '\(orphan)' $terminal &
            while [ ! -e \(begun) ]; do sleep 0.01; done
            exit 4
            """
        let process = try await launch(["/bin/sh", "-c", script])
        let output = try #require(process.terminal).output
        #expect(try await inTime { try await process.exitReport().status } == .exited(4))
        #expect(try await inTime { try await text(of: output) }?.contains("more") == true)
        #expect(
            try await isInTime {
                while !exists(gone) { await Task.yield() }
            }
        )
    }

    @Test("has a type in TERM, before the submitter's")
    func type() async throws {
        let process = try await launch(["/bin/sh", "-c", "echo $TERM"]) {
            $0.environment = .export(["TERM": "other"])
            $0.terminal = .pseudoterminal(rows: 24, columns: 80, type: "xterm-256color")
        }
        #expect(try await text(of: #require(process.terminal).output) == "xterm-256color\r\n")
        #expect(process.report.omittedVariables == ["TERM"])
    }

    @Test("has no type that leads to another file", arguments: ["", "../x", "/etc/x", ".", "-x", "a b", "a\0", "é"])
    func badType(_ type: String) async throws {
        var command = Command(.path("/bin/true"))
        command.terminal = .pseudoterminal(rows: 24, columns: 80, type: type)
        #expect(try await launchError(command, as: TestBed.alice.identity).code == .invalidCommand)
    }

    @Test("leaves no place for other standard streams", arguments: 0..<3)
    func others(_ stream: Int) async throws {
        var command = Command(.path("/bin/true"))
        command.terminal = .pseudoterminal(rows: 24, columns: 80)
        switch stream {
        case 0: command.standardInput = .bytes([1])
        case 1: command.standardOutput = .stream
        default: command.standardError = .standardOutput
        }
        #expect(try await launchError(command, as: TestBed.alice.identity).code == .invalidCommand)
    }

    @Test("goes with extra descriptors", arguments: everyIsolation)
    func extraDescriptors(_ isolation: SetUIDLauncher.Isolation) async throws {
        let pipe = try FileDescriptor.pipe()
        let process = try await launch(["/bin/sh", "-c", "echo one >&$LOG; echo two"], isolation) {
            $0.extraDescriptors = [ExtraDescriptor(name: "LOG", descriptor: pipe.writeEnd)]
        }
        try pipe.writeEnd.close()
        #expect(try await text(of: #require(process.terminal).output) == "two\r\n")
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe pipe.readEnd.read(into: $0) }
        #expect(buffer.prefix(count) == Array("one\n".utf8)[...])
        try pipe.readEnd.close()
    }

    @Test("is also what it makes its own when it is handed one that is nobody's", arguments: everyIsolation)
    func ofNobody(_ isolation: SetUIDLauncher.Isolation) async throws {
        let terminal = try DaemonTerminal(isControlling: false)
        defer {
            try? terminal.slave.close()
            try? terminal.master.close()
        }
        let report = try await runProbe(["--attack-terminal", "0"], as: TestBed.alice.identity, isolation) {
            $0.standardInput = .descriptor(terminal.slave)
        }
        let taken = ["ioctl(TIOCSCTTY, 0)", "ioctl(TIOCSCTTY, 1)", "open(/dev/tty)"]
        #expect(
            report.successfulAttempts == taken + (DaemonTerminal.ownInputCanBePushed ? ["ioctl(TIOCSTI) again"] : [])
        )
    }

    @Test("costs the daemon no descriptor once nobody holds it", arguments: everyIsolation)
    func noLeak(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            _ = try await launch(["/bin/true"], isolation).exitReport()
            let before = try await openDescriptorCount()
            for _ in 0..<20 { _ = try await launch(["/bin/true"], isolation).exitReport() }
            #expect(try await openDescriptorCount() < before + 10)
        }
    }
}

private func launch(
    _ arguments: [String],
    _ isolation: SetUIDLauncher.Isolation = .isolated,
    rows: UInt16 = 24,
    columns: UInt16 = 80,
    configure: (inout Command) -> Void = { _ in }
) async throws -> LaunchedProcess {
    var command = Command(.path(FilePath(arguments[0])), arguments: Array(arguments.dropFirst()))
    command.terminal = .pseudoterminal(rows: rows, columns: columns)
    configure(&command)
    return try await SetUIDLauncher(isolation: isolation).launch(patient(command), as: TestBed.alice.identity)
}
