import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The launcher program", .testBed)
struct LauncherProgramTests {
    private func status(_ arguments: [String]) async throws -> (Int32, String) {
        let result = try await run(
            Command(.path(TestBed.launcher), arguments: arguments),
            as: TestBed.alice.identity
        )
        guard case .exited(let status) = result.exit.status else { throw Errno.noSuchProcess }
        return (status, result.exit.standardError?.text ?? "")
    }

    @Test("does nothing for whoever is no daemon")
    func byHand() async throws {
        let (status, text) = try await status(["run", "/usr/bin/id"])
        #expect(status == LAUNCH_EXIT_FAILED)
        #expect(text.contains("standard input is not the socket of the daemon"))
        #expect(try await self.status([]).0 == LAUNCH_SIGNAL_INVALID)
        #expect(try await self.status(["session", "/usr/bin/id"]).0 == LAUNCH_SIGNAL_INVALID)
    }

    @Test(
        "signals no group, not init and not everybody",
        arguments: [
            "0:1", "1:1", "-1:1", "-2147483648:1", "4294967297:1", "2", "2:", ":2", "2:0", "2:1x", " 2:1", "+2:1", "",
            "99999999999999999999:1", "2:99999999999999999999999",
        ]
    )
    func numbers(_ process: String) async throws {
        #expect(try await status(["signal", "9", process]).0 == LAUNCH_SIGNAL_INVALID)
    }

    @Test("sends only signals there are", arguments: ["0", "65", "-9", "KILL", "", "9x"])
    func signals(_ signal: String) async throws {
        #expect(try await status(["signal", signal, "\(getpid()):1"]).0 == LAUNCH_SIGNAL_INVALID)
    }

    @Test("signals who is still who he was, and nobody else")
    func starts() async throws {
        let process = try await SetUIDLauncher()
            .launch(
                patient(Command(.path("/bin/sleep"), arguments: ["1000"])),
                as: TestBed.alice.identity
            )
        let number = process.processID.rawValue
        let start = try #require(ProcessStart.time(of: number))
        #expect(try await status(["signal", "9", "\(number):\(start + 1)"]).0 == LAUNCH_SIGNAL_NOBODY)
        #expect(ProcessStart.time(of: number) == start)
        #expect(try await status(["signal", "9", "\(number):\(start)"]).0 == LAUNCH_SIGNAL_SENT)
        #expect(try await process.exitReport().status == .signaled(.kill, coreDumped: false))
        // Somebody else's.
        let own = try #require(ProcessStart.time(of: getpid()))
        #expect(try await status(["signal", "9", "\(getpid()):\(own)"]).0 == LAUNCH_SIGNAL_NOBODY)
    }

    @Test("that signals ends with its sudo, though the account has stopped it")
    func stopped() async throws {
        let place = "/bed/home/alice/stopped-\(UInt64.random(in: 0...UInt64.max))"
        // With the first of its signals it is at work, and far more of them are to come.
        let script = """
            trap 'kill -STOP $!; echo $! > \(place); kill -KILL $$' USR1
            start() { set -- $(cat /proc/$$/stat) && echo ${22}; }
            \(TestBed.launcher) signal \(SIGUSR1) $(yes $$:$(start) | head -n 60000) &
            wait
            """
        _ = try await runScript(script, as: TestBed.alice.identity)
        let number = try ProcFile.read(FilePath(place)).filter { $0 != "\n" }
        var status = "State:\tT"
        for _ in 0..<1_000 where !status.isEmpty && !status.contains("State:\tZ") {
            status = (try? ProcFile.read(FilePath("/proc/\(number)/status"))) ?? ""
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(status.isEmpty || status.contains("State:\tZ"), "\(status)")
    }

    @Test("runs what sudo was asked about, whatever the order says", arguments: ["run", "restricted"])
    func otherProgram(_ mode: String) async throws {
        for (named, planned, opens) in [
            ("/usr/bin/id", "/bin/sh", false), ("id", "/tmp/id", false), ("id", "/usr/bin/env", false),
            ("/usr/bin/id", "/usr/bin/id", mode == "restricted"),
        ] where !(mode == "run" && named == planned) {
            let reported = try await order(mode, named: named, planned: FilePath(planned), opensFile: opens)
            #expect(reported?.step == LAUNCH_STEP_READ_PLAN.rawValue)
            #expect(reported?.error == EPERM)
        }
        // The right one gets as far as taking the token, which it finds gone.
        let reported = try await order(mode)
        #expect(reported?.step == LAUNCH_STEP_COMMIT.rawValue)
    }

    @Test(
        "behind a rule for certain programs takes none with white space in its path",
        arguments: [
            "/opt/app/render manager", "/opt/app/render x/../../../tmp/evil", "a\tb", "a\nb", " ", "a\r", "a\u{B}\u{C}",
        ]
    )
    func whiteSpace(_ program: String) async throws {
        let (status, text) = try await status(["restricted", program])
        #expect(status == LAUNCH_EXIT_FAILED)
        #expect(text.contains("white space"))
        // Where any program may be run, it is one like others.
        #expect(try await self.status(["run", program]).1.contains("is not the socket of the daemon"))
    }

    @Test(
        "behind a rule for certain programs has them make no file that others can write",
        arguments: [0o000, 0o002, 0o020, 0o755, 0o022, 0o077]
    )
    func mask(_ bits: UInt32) async throws {
        for mode in ["restricted", "run"] {
            let reported = try await order(mode) { steps in
                steps.removeAll { Self.isMask($0) }
                Self.insert(.setFileModeCreationMask(FilePermissions(rawValue: bits)), into: &steps)
            }
            let isRefused = mode == "restricted" && bits & 0o022 != 0o022
            #expect(reported?.step == (isRefused ? LAUNCH_STEP_READ_PLAN : LAUNCH_STEP_COMMIT).rawValue)
            if isRefused { #expect(reported?.error == EPERM) }
        }
    }

    /// Puts a step in front of the one that takes the token, where whatever is done before the job is its own is done.
    private static func insert(_ step: ChildOperation, into steps: inout [ChildOperation]) {
        steps.insert(step, at: steps.firstIndex { if case .commit = $0 { true } else { false } } ?? 0)
    }

    private static func isMask(_ step: ChildOperation) -> Bool {
        if case .setFileModeCreationMask = step { true } else { false }
    }

    @Test("behind a rule for certain programs adds that to the mask of sudo where the plan has none")
    func inheritedMask() async throws {
        let text = try await said(
            by: "/bin/sh",
            with: ["-c", "umask"],
            planned: "/bin/sh",
            configure: { $0.removeAll { Self.isMask($0) } }
        )
        #expect(text == "0022\n")
    }

    @Test("takes no variable from the order behind a rule for certain programs")
    func restrictedEnvironment() async throws {
        let text = try await said(
            by: "env",
            planned: "/usr/bin/env",
            environment: ["LD_PRELOAD=/tmp/x.so", "HOME=/tmp", "PYTHONSTARTUP=/tmp/x"]
        )
        // What sudo would say of the account; here it is what the setuid backend has said.
        let lines = text.split(separator: "\n").sorted()
        #expect(
            lines == [
                "HOME=/bed/home/alice", "LOGNAME=alice", "PATH=/usr/local/bin:/usr/bin:/bin", "SHELL=/bin/bash",
                "USER=alice",
            ]
        )
    }

    @Test("gives a program that a rule names its own name, whatever the order says")
    func ownName() async throws {
        let text = try await said(
            by: "/usr/bin/cat",
            with: ["/proc/self/cmdline"],
            planned: "/usr/bin/cat",
            argumentZero: "sh"
        )
        #expect(text == "/usr/bin/cat\0/proc/self/cmdline\0")
    }

    @Test(
        "changes no mode of what it is given, though a plan of other kinds can",
        arguments: ["run", "restricted", "session"]
    )
    func ownTerminal(_ mode: String) async throws {
        let place = freshPath("mode")
        let file = try FileDescriptor.open(place, .readWrite, options: .create, permissions: .ownerReadWrite)
        defer { try? file.close() }
        try #require(fchown(file.rawValue, 2001, 2001) == 0)
        let reported = try await order(
            mode,
            named: mode == "session" ? nil : "id",
            input: file
        ) { steps in
            let step = ChildOperation.ownTerminal(0, user: 2001, group: 2001, mode: FilePermissions(rawValue: 0o666))
            Self.insert(step, into: &steps)
        }
        #expect(reported?.step == LAUNCH_STEP_READ_PLAN.rawValue)
        #expect(reported?.error == EPERM)
        var facts = stat()
        #expect(unsafe fstat(file.rawValue, &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o600)
    }

    @Test("gives no other descriptor to a program that a rule names, and to others what they are to have")
    func extraDescriptors() async throws {
        for (mode, step) in [("restricted", LAUNCH_STEP_READ_PLAN), ("run", LAUNCH_STEP_COMMIT)] {
            let reported = try await order(mode, isExtended: true)
            #expect(reported?.step == step.rawValue)
        }
    }

    /// What restricted plans may not have, and where others get with it: to the token, or to where it fails.
    private static let strangeSteps: [(ChildOperation, elsewhere: launch_step)] = [
        (.placeDescriptor(3, at: 7), LAUNCH_STEP_COMMIT),
        (.placeDescriptor(7, at: 7), LAUNCH_STEP_PLACE_DESCRIPTOR),
        (.placeDescriptor(1, at: 6), LAUNCH_STEP_COMMIT),
        (.placeDescriptor(-1, at: 1), LAUNCH_STEP_PLACE_DESCRIPTOR),
        (.controllingTerminal(0), LAUNCH_STEP_CONTROLLING_TERMINAL),
        (.moveDescriptors(to: 8), LAUNCH_STEP_COMMIT),
        (.closeDescriptors(from: 0), LAUNCH_STEP_COMMIT),
        (.closeDescriptors(from: 2), LAUNCH_STEP_COMMIT),
        (.closeDescriptors(from: -1), LAUNCH_STEP_CLOSE_DESCRIPTORS),
        (.newSession, LAUNCH_STEP_NEW_SESSION),
        (.resetOOMScore, LAUNCH_STEP_OOM_SCORE),
        (.openStream("/dev/null", flags: O_RDONLY, mode: [], at: 0), LAUNCH_STEP_COMMIT),
        (.keepCapabilities(0), LAUNCH_STEP_KEEP_CAPABILITIES),
    ]

    @Test("behind a rule for certain programs does what it knows to be harmless, and nothing else", arguments: 0..<13)
    func otherSteps(_ number: Int) async throws {
        try #require(Self.strangeSteps.count == 13)
        let (step, elsewhere) = Self.strangeSteps[number]
        for mode in ["restricted", "run"] {
            let reported = try await order(mode) { Self.insert(step, into: &$0) }
            #expect(
                reported?.step == (mode == "restricted" ? LAUNCH_STEP_READ_PLAN : elsewhere).rawValue,
                "\(step), \(mode)"
            )
            if mode == "restricted" { #expect(reported?.error == EPERM, "\(step)") }
        }
    }

    @Test("behind a rule for certain programs does no step that it has never heard of", arguments: [54, 255, .max])
    func unknownStep(_ number: UInt32) async throws {
        for (mode, error) in [("restricted", EPERM), ("run", EBADMSG)] {
            let reported = try await order(mode, renumber: (LAUNCH_STEP_NICE, number))
            #expect(reported?.error == error)
            #expect(reported?.step == (mode == "restricted" ? LAUNCH_STEP_READ_PLAN.rawValue : number))
        }
    }

    @Test("behind a rule for certain programs has standard error go where standard output does")
    func joinedStreams() async throws {
        let text = try await said(by: "/bin/sh", with: ["-c", "echo here >&2"], planned: "/bin/sh") {
            Self.insert(.placeDescriptor(1, at: 2), into: &$0)
        }
        #expect(text == "here\n")
    }

    /// What a program that a rule names writes, where nothing is wrong with the order.
    private func said(
        by program: String,
        with arguments: [String] = [],
        planned: FilePath,
        environment: [String] = [],
        argumentZero: String? = nil,
        configure: (inout [ChildOperation]) -> Void = { _ in }
    ) async throws -> String {
        let output = try FileDescriptor.pipe()
        let reported = try await order(
            "restricted",
            named: program,
            with: arguments,
            planned: planned,
            environment: environment,
            argumentZero: argumentZero,
            output: output.writeEnd,
            configure: configure
        )
        #expect(reported == nil)
        try output.writeEnd.close()
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = try unsafe bytes.withUnsafeMutableBytes { try unsafe output.readEnd.read(into: $0) }
        try output.readEnd.close()
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// Sends a launcher an order of our own, as a daemon that is not what it should be could.
    private func order(
        _ mode: String,
        named: String? = "id",
        with arguments: [String] = [],
        planned: FilePath = "/usr/bin/id",
        opensFile: Bool = false,
        environment: [String] = [],
        argumentZero: String? = nil,
        input: FileDescriptor? = nil,
        output: FileDescriptor? = nil,
        isExtended: Bool = false,
        renumber: (launch_step, UInt32)? = nil,
        configure: (inout [ChildOperation]) -> Void = { _ in }
    ) async throws -> launch_failure? {
        let socket = try SudoSocket(of: 2001)
        var command = Command(.path(TestBed.launcher), arguments: [mode] + [named].compactMap { $0 } + arguments)
        command.standardInput = .descriptor(FileDescriptor(rawValue: socket.launcher.rawValue))
        // As rules can have sudo pass it on.
        command.fileModeCreationMask = []
        let process = try await SetUIDLauncher().launch(patient(command), as: TestBed.alice.identity)
        socket.launcher.closeNow()
        var greeting: SudoSocket.Greeting?
        while greeting == nil {
            if case .greeting(let found) = socket.receive() { greeting = found }
            try await Task.sleep(for: .milliseconds(1))
        }
        #expect(greeting?.processID == process.processID.rawValue)
        #expect(greeting?.userID == 2001)
        let person = try await TestBed.alice.identity
        var described = Command(.path(planned))
        if let input { described.standardInput = .descriptor(input) }
        if let output { described.standardOutput = .descriptor(output) }
        let prepared = try PreparedLaunch(described, as: person)
        let streams = try StreamPlumbing(described, of: 2001)
        var plan = prepared.plan(with: streams)
        if opensFile {
            plan.streamFiles = [
                ChildPlan.StreamFile(path: "/bed/home/alice/.profile", flags: O_WRONLY | O_CREAT, target: 1)
            ]
        }
        let facts = DaemonFacts(
            userID: 0,
            groupID: 0,
            limits: try #require(greeting).limits,
            isProtectedFromOutOfMemory: false,
            mayEmptyBoundingSet: false
        )
        let token = try LaunchToken()
        if output == nil { #expect(token.withdraw()) }
        let status = try OwnedDescriptor.pipe()
        var steps = plan.switched(to: prepared.credentials, from: facts)
        configure(&steps)
        var encoded = try EncodedPlan(steps, kind: .switched).bytes
        if let (step, number) = renumber {
            let index = try #require(steps.firstIndex { $0.step == step })
            let place = MemoryLayout<launch_plan>.size + index * MemoryLayout<launch_operation>.size
            unsafe withUnsafeBytes(of: number) { unsafe encoded.replaceSubrange(place..<place + 4, with: $0) }
        }
        let order = SudoOrder(
            plan: encoded,
            arguments: [argumentZero ?? named ?? planned.string],
            environment: environment,
            flags: named == nil ? LAUNCH_ORDER_BRINGS_ARGUMENTS.rawValue : 0
        )
        let extra = try isExtended ? OwnedDescriptor.pipe().reading : nil
        try order.send(
            over: socket,
            status: status.writing,
            token: token,
            descriptors: streams.childEnds + [extra].compactMap { $0 }
        )
        status.writing.closeNow()
        _ = try await process.exitReport()
        guard case .failed(let reported) = TrampolineStart.ending(of: status.reading) else { return nil }
        return reported
    }
}
