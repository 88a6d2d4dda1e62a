import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The start of a job behind sudo", .testBed)
struct SudoStartTests {
    private static let patientSession = """
        auth    required pam_unix.so
        account required pam_unix.so
        session required pam_exec.so /bin/sleep 3

        """

    @Test("that takes too long is given up, and nothing runs")
    func deadline() async throws {
        let file = try ReplacedFile("/etc/pam.d/sudo", Self.patientSession)
        let marker = freshPath("marker").string
        await #expect(processExitsWith: .success) { [marker = marker as String] in
            becomeUnprivilegedDaemon()
            var command = Command(.path("/bin/sh"), arguments: ["-c", "echo ran > \(marker)"])
            command.startDeadline = .milliseconds(700)
            let error = try await launchError(command, as: TestBed.alice.identity, SudoLauncher.ofTheBed())
            #expect(error.code == .deadlineExceeded)
            #expect(error.step == .confirm)
        }
        file.restore()
        #expect(!exists(FilePath(marker)))
    }

    @Test("is given up with its task, and nothing runs")
    func cancellation() async throws {
        let file = try ReplacedFile("/etc/pam.d/sudo", Self.patientSession)
        let marker = freshPath("marker").string
        await #expect(processExitsWith: .success) { [marker = marker as String] in
            becomeUnprivilegedDaemon()
            let person = try await TestBed.alice.identity
            let launch = Task {
                try await launchError(
                    Command(.path("/bin/sh"), arguments: ["-c", "echo ran > \(marker)"]),
                    as: person,
                    SudoLauncher.ofTheBed()
                )
            }
            try await Task.sleep(for: .milliseconds(500))
            let begin = ContinuousClock.now
            launch.cancel()
            #expect(try await launch.value.code == .cancelled)
            #expect(ContinuousClock.now - begin < .seconds(20))
        }
        file.restore()
        #expect(!exists(FilePath(marker)))
    }

    @Test("either has not happened and says so, or the job runs to its end, whenever it is cancelled")
    func anyMoment() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let person = try await TestBed.alice.identity
            let launcher = SudoLauncher.ofTheBed()
            _ = try await run(Command(.path("/bin/true")), as: person, launcher)
            for number in 0..<40 {
                let marker = freshPath("marker")
                let command = Command(.path("/bin/sh"), arguments: ["-c", "echo x > \(marker)"])
                let launch = Task { try await launcher.launch(patient(command), as: person) }
                try await Task.sleep(for: .microseconds(300 * number))
                launch.cancel()
                do {
                    #expect(try await launch.value.exitReport().status == .exited(0))
                    #expect(exists(marker))
                } catch let error as LaunchError {
                    #expect(error.code == .cancelled, "\(error)")
                    try await Task.sleep(for: .milliseconds(20))
                    #expect(!exists(marker))
                    try await Self.awaitNoLauncher()
                }
            }
        }
    }

    /// Launchers of alice that have become no job.
    private static func launchers() throws -> [Int32] {
        try ProcFile.processes()
            .filter { process in
                let words = (try? ProcFile.read(FilePath("/proc/\(process)/cmdline"))) ?? ""
                return words.hasPrefix("\(TestBed.launcher)\0")
            }
    }

    private static func awaitNoLauncher() async throws {
        for _ in 0..<1_000 where try !launchers().isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        #expect(try launchers() == [])
    }

    /// Gives alice a profile, which every account could write itself.
    private static func profile(_ text: String) throws -> FilePath {
        let place = FilePath("/bed/home/alice/.profile")
        let file = try FileDescriptor.open(
            place,
            .writeOnly,
            options: [.create, .exclusiveCreate],
            permissions: [.ownerReadWrite, .groupRead, .otherRead]
        )
        try file.closeAfter { _ = try file.writeAll(text.utf8) }
        return place
    }

    @Test("that is given up behind a slow shell leaves nobody who waits for an order for ever")
    func slowProfile() async throws {
        let rule = try SudoRule("renderd ALL=(alice) NOPASSWD: /bin/bash")
        let profile = try Self.profile("sleep 2\n")
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let launcher = SudoLauncher.ofTheBed(profile: .login)
            let before = try await openDescriptorCount()
            for isCancelled in [false, true] {
                var command = Command(.path("/bin/true"))
                command.startDeadline = isCancelled ? .seconds(60) : .milliseconds(700)
                let person = try await TestBed.alice.identity
                let launch = Task { [command] in try await launchError(command, as: person, launcher) }
                if isCancelled {
                    try await Task.sleep(for: .milliseconds(500))
                    launch.cancel()
                }
                #expect(try await launch.value.code == (isCancelled ? .cancelled : .deadlineExceeded))
            }
            // The shells are about to become launchers.
            try await Task.sleep(for: .seconds(3))
            try await Self.awaitNoLauncher()
            // Reactors, at most, were made meanwhile.
            #expect(try await openDescriptorCount() - before <= 8)
        }
        try #require(unsafe unlink(profile.string) == 0)
        rule.remove()
    }

    @Test(
        "keeps to its deadline, and costs nothing afterwards, whatever the account writes where sudo says its reasons"
    )
    func flood() async throws {
        let rule = try SudoRule("renderd ALL=(alice) NOPASSWD: /bin/bash")
        let profile = try Self.profile(
            "for i in 1 2 3 4; do setsid sh -c 'trap \"\" PIPE; exec timeout 30 yes >&2' & done\nsleep 1\n"
        )
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let launcher = SudoLauncher.ofTheBed(profile: .login)
            var late = Command(.path("/bin/true"))
            late.startDeadline = .milliseconds(500)
            let begin = ContinuousClock.now
            #expect(try await launchError(late, as: TestBed.alice.identity, launcher).code == .deadlineExceeded)
            #expect(ContinuousClock.now - begin < .seconds(4))
            let job = try await launcher.launch(
                patient(Command(.path("/bin/sleep"), arguments: ["2"])),
                as: TestBed.alice.identity
            )
            let used = clock()
            #expect(try await job.exitReport().status == .exited(0))
            #expect(clock() - used < 500_000, "half a second of the processor at most")
        }
        try #require(unsafe unlink(profile.string) == 0)
        rule.remove()
    }

    @Test(
        "never takes a descriptor that the account sends along, nor closes it where somebody waits",
        arguments: [true, false],
        [0, Int32(MSG_OOB)]
    )
    func descriptors(_ refusesDescriptors: Bool, _ flags: Int32) throws {
        let socket = try SudoSocket(of: 0, refusesDescriptors: refusesDescriptors)
        let pipe = try OwnedDescriptor.pipe()
        guard case .nothing = socket.receive() else { throw Errno.badMessage }
        let sent = unsafe held_page_send_descriptor(socket.launcher.rawValue, pipe.writing.rawValue, "w", 1, flags)
        pipe.writing.closeNow()
        #expect(unsafe write(socket.launcher.rawValue, "after", 5) == 5)
        var events = pollfd(fd: pipe.reading.rawValue, events: 0, revents: 0)
        guard sent == 0 else {
            #expect(sent == -EPERM)
            return
        }
        guard case .nonsense = socket.receive() else { throw Errno.badMessage }
        #expect(unsafe poll(&events, 1, 0) == 0, "the descriptor still waits in the socket")
        socket.daemon.closeNow()
        var byte: UInt8 = 0
        // What nobody has read makes it a reset once it is closed.
        let end = unsafe read(socket.launcher.rawValue, &byte, 1)
        #expect(end == 0 || end < 0 && errno == ECONNRESET, "the launcher finds the end")
        #expect(unsafe poll(&events, 1, 60_000) == 1, "it is closed with the socket, by another thread")
    }

    @Test("leaves neither a descriptor nor a process behind, refused or not")
    func leaks() async {
        await #expect(processExitsWith: .success) {
            becomeDaemon(999)
            let allowed = try await TestBed.alice.identity
            let refused = try await TestBed.carol.identity
            let launcher = SudoLauncher.ofTheBed()
            _ = try await run(Command(.path("/bin/true")), as: allowed, launcher)
            _ = try await launchError(Command(.path("/bin/true")), as: refused, launcher)
            let before = try await openDescriptorCount()
            for _ in 0..<10 {
                _ = try await run(Command(.path("/bin/true")), as: allowed, launcher)
                _ = try await launchError(Command(.path("/bin/true")), as: refused, launcher)
                _ = try await launchError(Command(.path("/no/such")), as: allowed, launcher)
            }
            #expect(try await openDescriptorCount() == before)
            #expect(!hasChildren())
        }
    }

    @Test("fails with groups that are not the account's, though sudo is content")
    func groups() async throws {
        let rule = try SudoRule("Defaults:renderd preserve_groups")
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let error = try await launchError(
                Command(.path("/bin/true")),
                as: TestBed.alice.identity,
                SudoLauncher.ofTheBed()
            )
            #expect(error.code == .verificationFailed, "\(error)")
            #expect(error.message.contains("supplementary groups"))
        }
        rule.remove()
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let other = try identity(userID: 2001, groupID: 3001, groups: [2001, 3001, 3002])
            let error = try await launchError(Command(.path("/bin/true")), as: other, SudoLauncher.ofTheBed())
            #expect(error.code == .verificationFailed, "\(error)")
            #expect(error.message.contains("namesGroup"))
        }
    }

    @Test("gives another primary group where the rule permits to name it")
    func namedGroup() async throws {
        let rule = try SudoRule("renderd ALL=(alice:render) NOPASSWD: \(TestBed.launcher)")
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            var profile = SudoProfile.account
            profile.namesGroup = true
            let other = try identity(userID: 2001, groupID: 3001, groups: [2001, 3001, 3002])
            let result = try await runScript("id -G", as: other, SudoLauncher.ofTheBed(profile: profile))
            #expect(result.text == "3001 2001 3002\n")
        }
        rule.remove()
    }

    @Test("is believed only of the launcher, whatever sudo has run in its place")
    func impostor() async throws {
        let place = FilePath("/bed/impostor-\(UInt64.random(in: 0...UInt64.max))")
        let file = try FileDescriptor.open(
            place,
            .writeOnly,
            options: [.create, .exclusiveCreate],
            permissions: [.ownerReadWriteExecute, .groupRead, .groupExecute, .otherRead, .otherExecute]
        )
        try file.closeAfter { _ = try file.writeAll("#!/bin/sh\necho hello >&0; cat; exit 0\n".utf8) }
        await #expect(processExitsWith: .success) { [place = place.string as String] in
            becomeDaemon(999)
            let launcher = SudoLauncher(sudo: TestBed.sudo, launcher: FilePath(place))
            let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
            #expect(error.code == .verificationFailed, "\(error)")
        }
    }

    @Test("never comes with limits or priorities that a job behind sudo cannot have: they are errors that say so")
    func limits() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 1 << 30, rlim_max: 1 << 30)
            #expect(unsafe setrlimit(__rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue)), &limit) == 0)
            becomeUnprivilegedDaemon()
            var nicer = Command(.path("/bin/true"))
            nicer.niceness = -20
            let refused = try await launchError(nicer, as: TestBed.alice.identity, SudoLauncher.ofTheBed())
            #expect(refused.step == .niceness, "\(refused)")
            var larger = Command(.path("/bin/true"))
            larger.resourceLimits[.fileSize] = ResourceLimits.Limit(soft: 1 << 31, hard: 1 << 31)
            let denied = try await launchError(larger, as: TestBed.alice.identity, SudoLauncher.ofTheBed())
            #expect(denied.step == .resourceLimit, "\(denied)")
            var tied = Command(.path("/bin/true"))
            tied.daemonEnd = .end
            #expect(
                try await launchError(tied, as: TestBed.alice.identity, SudoLauncher.ofTheBed()).code == .invalidCommand
            )
        }
    }
}
