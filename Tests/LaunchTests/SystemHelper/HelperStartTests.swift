import CLaunchPlan
import CLaunchProtocol
import Glibc
import HelperService
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The system helper, when it is started,", .testBed)
struct HelperStartTests {
    private static let program = "\(TestBed.directory)/bin/impersonation-helper"

    /// Runs a program to its end, with both outputs in one file.
    private func run(_ words: [String], descriptor: Int32? = nil) throws -> (status: Int32, text: String) {
        let output = freshPath("helper-output")
        let process = try spawn(words, output: output, descriptor: descriptor)
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        return (status, try ProcFile.read(output))
    }

    private func spawn(_ words: [String], output: FilePath, descriptor: Int32? = nil) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for target in [STDOUT_FILENO, STDERR_FILENO] {
            let flags = O_WRONLY | O_CREAT | O_APPEND
            unsafe posix_spawn_file_actions_addopen(&actions, target, output.string, flags, 0o644)
        }
        if let descriptor { unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, 3) }
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
        }
        var process: pid_t = 0
        try #require(unsafe posix_spawn(&process, words[0], &actions, nil, &arguments, nil) == 0)
        return process
    }

    private func policy(_ text: String) throws -> FilePath {
        let path = FilePath(TestBed.directory).appending("policy-\(UInt64.random(in: 0...UInt64.max))")
        let file = try FileDescriptor.open(
            path,
            .writeOnly,
            options: [.create, .exclusiveCreate],
            permissions: [.ownerReadWrite, .groupRead, .otherRead]
        )
        _ = try file.closeAfter { try file.writeAll(text.utf8) }
        return path
    }

    @Test(
        "says which capability it lacks, and does not begin without the two it needs",
        arguments: [("setuid", "CAP_SETGID"), ("setgid", "CAP_SETUID")]
    )
    func capabilities(_ left: String, _ missing: String) throws {
        let policy = try policy("peers = 0\naccounts = *\n")
        let (status, text) = try run([
            "/usr/bin/setpriv", "--reuid", "991", "--regid", "991", "--clear-groups", "--inh-caps=-all,+\(left)",
            "--ambient-caps=-all,+\(left)", "--bounding-set=-all,+\(left)", "--", Self.program, "--policy",
            policy.string, "--socket", "/run/helper.sock",
        ])
        #expect(status == 77 << 8)
        #expect(text.contains("the helper lacks \(missing), so no job can be given its"))
        #expect(text.contains("without CAP_KILL: "))
        #expect(text.contains("without CAP_SETPCAP: "))
    }

    /// What the notice about each capability that can be missing has to name, by its name for `setpriv(1)`.
    private static let costs: [(name: String, words: [String])] = [
        ("chown", ["no pseudo-terminal", "mode 0666", "user id at the other end"]),
        ("kill", ["set-user-id program", "without cgroups", "leaves its job running"]),
        ("setpcap", ["bounding set", "CapabilityBoundingSet=", "may gain privileges", "refused"]),
        ("sys_nice", ["no precedence over jobs", "control-groups", "LimitNICE=-10", "priority"]),
        ("sys_resource", ["hard limit above the helper's own", "shared"]),
    ]

    /// Those that root of the bed does not have himself.
    private static let missingHere = Set(
        Privileges.all.filter { launch_has_capability($0.number) != 1 }.map { $0.name.dropFirst("CAP_".count) }
    )

    /// The capabilities that a helper says it lacks.
    private func missing(_ log: String) -> [Substring] {
        log.split(separator: "\n")
            .compactMap { line in
                line.firstRange(of: "without CAP_").map { line[$0.upperBound...].prefix { $0 != ":" } }
            }
    }

    @Test("says what it costs that it lacks one capability, and names no other", arguments: Self.costs)
    func cost(_ name: String, _ words: [String]) throws {
        let without = "-\(name)"
        let helper = try RunningHelper(
            startedBy: [
                "/usr/bin/setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=\(without)", "--",
            ]
        )
        let capability = Substring(name.uppercased())
        #expect(Set(missing(helper.log)) == Self.missingHere.union([capability]))
        let line = try #require(helper.log.split(separator: "\n").first { $0.contains("without CAP_\(capability): ") })
        for word in words { #expect(line.contains(word), "\(line)") }
    }

    @Test("says so of each of them that it looks for, and of none when it has all")
    func everyCost() throws {
        let helper = try RunningHelper(.twoCapabilities)
        #expect(missing(helper.log).sorted() == Self.costs.map { Substring($0.name.uppercased()) })
        #expect(Set(missing(try RunningHelper().log)) == Self.missingHere)
    }

    @Test("says what it costs that its policy names no place for cgroups, and only then")
    func noControlGroups() throws {
        let words = [
            "without control-groups in the policy", "may go on when its process of the helper is killed",
            "is killed", "no limits", "name a directory of cgroup v2", "Delegate=yes",
        ]
        let without = try RunningHelper()
        for word in words { #expect(without.log.contains(word), "\(without.log)") }
        guard !TestBed.controlGroups.isEmpty else { return }
        let with = try RunningHelper(policy: ["control-groups = \(TestBed.controlGroups)"])
        #expect(!with.log.contains("without control-groups"))
    }

    /// Whether the helper of the bed is one as it is installed, and not that of the build of the tests.
    private static let isInstalled = TestBed.variable("IMPERSONATION_TEST_BED_HELPER") != nil

    @Test("needs no library but those of C, C++ and PAM, and no Foundation as the tests build it")
    func libraries() throws {
        let (status, text) = try run(["/usr/bin/readelf", "--dynamic", "--wide", Self.program])
        try #require(status == 0, "\(text)")
        let needed = text.matches(of: /\(NEEDED\).*\[(.*)\]/).map(\.output.1)
        let everywhere = ["libpam.so.0", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "libc.so.6"]
        let others = needed.filter { !everywhere.contains(String($0)) && !$0.hasPrefix("ld-linux-") }
        #expect(needed.contains("libpam.so.0") && needed.contains("libc.so.6"))
        if Self.isInstalled {
            #expect(others == [])
            #expect(!text.contains("RPATH") && !text.contains("RUNPATH"))
            #expect(text.contains("BIND_NOW"))
        }
        // Foundation brings ICU along, and looks at files of its own before the helper has looked at anything.
        #expect(!others.contains { $0.contains("Foundation") || $0.contains("icu") }, "\(others)")
    }

    @Test("reads its policy and says what that permits, or what is wrong with it")
    func checkPolicy() throws {
        let good = try run([
            Self.program, "--check-policy", "--policy", try policy("peers = renderd\naccounts = alice\n").string,
        ])
        #expect(good.status == 0)
        #expect(good.text.contains("daemons: renderd (uid 990)"))
        #expect(good.text.contains("accounts: alice (uid 2001)"))
        let path = try policy("peers = renderd\nacounts = alice\n")
        let bad = try run([Self.program, "--check-policy", "--policy", path.string])
        #expect(bad.status == 78 << 8)
        #expect(bad.text.contains("\(path):2: "))
        #expect(bad.text.contains("accounts"))
    }

    @Test(
        "hears how jobs end although it was started with SIGCHLD ignored, and jobs have that as ever",
        arguments: RunningHelper.Privileges.allCases
    )
    func ignoredChildSignal(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(
            privileges,
            policy: ["peers = 0", "maximum-jobs = 2", "maximum-jobs-per-peer = 2"],
            startedBy: ["/usr/bin/env", "--ignore-signal=CHLD"]
        )
        let users: Set<UserID> = [UserID(0), UserID(RunningHelper.account)]
        let launcher = SystemHelperLauncher(socket: helper.socket, helperUserIDs: users)
        var command = Command(.path("/bin/sh"), arguments: ["-c", "grep SigIgn /proc/self/status; exit 7"])
        command.standardOutput = .captured(limit: 100)
        // More than there may be at the same time: one that nobody hears of would have its place for good.
        for _ in 0..<5 {
            let process = try await launchAsAlice(command, waitingForRoom: launcher)
            let report = try await process.exitReport()
            #expect(report.status == .exited(7))
            #expect(report.usage != nil)
            #expect(report.standardOutput?.text == "SigIgn:\t0000000000000000\n")
        }
    }

    @Test(
        "works, and hears signals, whatever mask and limits it has from whoever starts it, and its jobs have no such signals",
        arguments: RunningHelper.Privileges.allCases
    )
    func hostileStart(_ privileges: RunningHelper.Privileges) async throws {
        // A file, which may not grow; others may be as large, as the thread sanitizer needs one when a program begins.
        let size = 1 << 20
        let messages = try FileDescriptor.open(
            freshPath("messages"),
            .writeOnly,
            options: [.create, .append],
            permissions: .ownerReadWrite
        )
        defer { try? messages.close() }
        try #require(ftruncate(messages.rawValue, size) == 0)
        let helper = try RunningHelper(
            privileges,
            policy: ["peers = 0"],
            messagesTo: messages,
            startedBy: [
                "/usr/bin/env", "--block-signal", "--ignore-signal=HUP,INT,QUIT,USR1,PIPE,ALRM,TERM,CHLD",
                "/usr/bin/prlimit", "--fsize=\(size):unlimited", "--stack=262144", "--core=0", "--",
                "/bin/sh", "-c", "umask 0; exec \"$@\"", "sh",
            ]
        )
        var place = stat()
        try #require(unsafe stat(helper.socket.string, &place) == 0)
        let users: Set<UserID> = [UserID(0), UserID(RunningHelper.account)]
        let launcher = SystemHelperLauncher(socket: helper.socket, helperUserIDs: users)
        let script = "grep -E '^Sig(Blk|Ign):' /proc/self/status; umask"
        var command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
        command.standardOutput = .captured(limit: 1_000)
        let process = try await launcher.launch(command, as: TestBed.alice.identity)
        let text = try await process.exitReport().standardOutput?.text
        #expect(text == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0022\n")
        #expect(place.st_mode & 0o777 == 0o666)
        #expect(helper.stop(SIGTERM) == 0)
        #expect(try messages.seek(offset: 0, from: .end) == Int64(size))
    }

    @Test(
        "says what it was started wrong with",
        arguments: [["--sockets"], ["--socket"], ["--socket", "x"], ["--parked", "0"]]
    )
    func usage(_ arguments: [String]) throws {
        let (status, text) = try run([Self.program] + arguments)
        #expect(status == 64 << 8)
        #expect(text.contains(arguments[0]))
    }

    @Test("begins with no group for the socket that the name service does not know")
    func unknownSocketGroup() throws {
        let policy = try policy("peers = 0\naccounts = *\n")
        let (status, text) = try run([
            Self.program, "--policy", policy.string, "--socket", "/run/helper.sock", "--socket-group",
            "nobody-of\u{1b}that-name",
        ])
        #expect(status == 64 << 8)
        let message = "there is no group nobody-of\\u{1b}that-name for the socket; name one that there is"
        #expect(text.contains(message), "\(text)")
    }

    @Test("takes the socket over that systemd has opened, and leaves it where it is")
    func activation() async throws {
        let path = FilePath(TestBed.directory).appending("activated-\(UInt64.random(in: 0...UInt64.max)).sock")
        let listener = OwnedDescriptor(unsafe socket_listen(path.string, 16, 0o600))
        try #require(listener.rawValue >= 0)
        let policy = try policy("peers = 0\naccounts = *\nmaximum-start-time = 3600\n")
        let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" --policy \"$1\""
        let output = freshPath("activated")
        let process = try spawn(
            ["/bin/sh", "-c", script, Self.program, policy.string],
            output: output,
            descriptor: listener.rawValue
        )
        try await expectService(at: path, by: process)
    }

    @Test("takes the socket over that systemd-socket-activate has opened, at the first launch")
    func activationBySystemd() async throws {
        let path = FilePath(TestBed.directory).appending("activated-\(UInt64.random(in: 0...UInt64.max)).sock")
        let policy = try policy("peers = 0\naccounts = *\nmaximum-start-time = 3600\n")
        let output = freshPath("activated")
        let process = try spawn(
            [
                "/usr/bin/systemd-socket-activate", "--seqpacket", "--listen", path.string, Self.program, "--policy",
                policy.string,
            ],
            output: output
        )
        // Connecting is what starts the helper, so nothing but its word tells that it listens.
        let deadline = ContinuousClock.now + ample
        while !(try ProcFile.read(output)).contains("Listening on \(path)"), ContinuousClock.now < deadline {
            let text = try ProcFile.read(output)
            try #require(waitpid(process, nil, WNOHANG) == 0, "\(text)")
            usleep(1_000)
        }
        #expect(!(try ProcFile.read(output)).contains("serving"))
        try await expectService(at: path, by: process)
        #expect(try ProcFile.read(output).contains("serving"))
    }

    /// Launches a job through a helper, ends that, and looks whether it has left the socket that it was given.
    private func expectService(at path: FilePath, by process: pid_t) async throws {
        let person = try await TestBed.alice.identity
        let report = try await LaunchTests.run(
            Command(.path(FilePath(TestBed.probe))),
            as: person,
            SystemHelperLauncher(socket: path)
        )
        let probe = try ProbeReport(json: report.exit.standardOutput?.bytes ?? [])
        #expect(probe.userID == .all(2001))
        // What is said to the helper is not said to its jobs.
        #expect(!probe.environment.contains { $0.hasPrefix("LISTEN_") })
        #expect(probe.descriptors.map(\.number) == [0, 1, 2])
        kill(process, SIGTERM)
        var status: Int32 = -1
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        #expect(status == 0)
        #expect(exists(path))
    }

    @Test("keeps nothing open that whoever started it waits for the end of")
    func inheritedDescriptors() throws {
        var ends: [2 of Int32] = [-1, -1]
        let result = unsafe withUnsafeMutableBytes(of: &ends) { buffer in
            unsafe pipe(buffer.bindMemory(to: Int32.self).baseAddress)
        }
        try #require(result == 0)
        let reading = OwnedDescriptor(ends[0])
        let writing = OwnedDescriptor(ends[1])
        try #require(fcntl(reading.rawValue, F_SETFD, FD_CLOEXEC) == 0)
        let helper = try RunningHelper(output: FileDescriptor(rawValue: writing.rawValue))
        writing.closeNow()
        let deadline = ContinuousClock.now + ample
        while helper.monitors.isEmpty, ContinuousClock.now < deadline { usleep(1_000) }
        var event = pollfd(fd: reading.rawValue, events: Int16(POLLIN), revents: 0)
        try #require(unsafe poll(&event, 1, 60_000) == 1)
        #expect(event.revents == Int16(POLLHUP))
        #expect(!helper.monitors.isEmpty)
    }

    @Test("refuses a descriptor that is no such socket")
    func wrongActivation() throws {
        let policy = try policy("peers = 0\naccounts = *\n")
        let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" --policy \"$1\""
        let null = OwnedDescriptor(unsafe open("/dev/null", O_RDONLY))
        let (status, text) = try run(
            ["/bin/sh", "-c", script, Self.program, policy.string],
            descriptor: null.rawValue
        )
        #expect(status == 78 << 8)
        #expect(text.contains("ListenSequentialPacket"))
    }
}
