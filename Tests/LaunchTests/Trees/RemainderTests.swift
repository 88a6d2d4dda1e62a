import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("What a job has left behind in its cgroup", .testBed, .controlGroups)
struct RemainderTests {
    private var launcher: SetUIDLauncher {
        get throws { SetUIDLauncher(controlGroups: try ControlGroups(below: TestBed.controlGroups)) }
    }

    /// Launches a job whose first process ends at once and leaves another one that is deaf to what is polite.
    private static func leaving(
        _ launcher: SetUIDLauncher,
        daemonEnd: DaemonEndPolicy? = nil
    ) async throws -> (LaunchedProcess, FilePath) {
        let ready = freshPath("ready")
        let script = """
            setsid sh -c "trap '' TERM HUP; echo x > \(ready); while :; do sleep 0.05; done" &
            until [ -e \(ready) ]; do sleep 0.01; done; exit 5
            """
        var command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
        command.daemonEnd = daemonEnd
        let process = try await launcher.launch(command, as: TestBed.alice.identity)
        guard case .controlGroup(let group) = process.report.containment else {
            throw LaunchError(.cancelled, step: .confirm, message: "the job has no cgroup")
        }
        #expect(try await process.exitReport().status == .exited(5))
        return (process, group)
    }

    private static func isPopulated(_ group: FilePath) -> Bool {
        (try? ProcFile.read(group.appending("cgroup.events")))?.contains("populated 1") ?? false
    }

    @Test("is ended by whoever ends the job, however late")
    func lateTermination() async throws {
        let (process, group) = try await Self.leaving(launcher)
        #expect(Self.isPopulated(group))
        let report = try await process.terminate(gracePeriod: .milliseconds(50))
        #expect(report.status == .exited(5))
        #expect(report.remainingProcesses == 0)
        #expect(!Self.isPopulated(group))
    }

    @Test("gets signals that are meant for all of the job, and is nobody once it has ended")
    func lateSignal() async throws {
        let (process, group) = try await Self.leaving(launcher)
        try process.send(.hangup, to: .tree)
        #expect(throws: Errno.noSuchProcess) { try process.send(.hangup, to: .process) }
        #expect(throws: Errno.noSuchProcess) { try process.send(.hangup, to: .group) }
        try process.send(.kill, to: .tree)
        while Self.isPopulated(group) { await Task.yield() }
        #expect(throws: Errno.noSuchProcess) { try process.send(.kill, to: .tree) }
    }

    @Test("is ended, too, by a daemon that has no descriptor left")
    func withoutDescriptors() async {
        let path = TestBed.controlGroups.string
        await #expect(processExitsWith: .success) { [path = path as String] in
            let launcher = SetUIDLauncher(controlGroups: try ControlGroups(below: FilePath(path)))
            let ready = freshPath("ready")
            let script = """
                setsid sh -c "trap '' TERM; echo x > \(ready); while :; do sleep 0.05; done" & exec sleep 1000
                """
            let command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
            let process = try await launcher.launch(command, as: TestBed.alice.identity)
            guard case .controlGroup(let group) = process.report.containment else {
                Issue.record("the job has no cgroup")
                return
            }
            while !exists(ready) { await Task.yield() }
            var limits = rlimit()
            #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0)
            var none = rlimit(rlim_cur: 0, rlim_max: limits.rlim_max)
            #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none) == 0)
            let report = try await process.terminate(gracePeriod: .milliseconds(50))
            #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0)
            #expect(report.remainingProcesses == 0)
            #expect(!RemainderTests.isPopulated(group))
        }
    }

    @Test("is killed by a daemon that may signal nobody")
    func withoutTheRightToSignal() async {
        let path = TestBed.controlGroups.string
        await #expect(processExitsWith: .success) { [path = path as String] in
            let launcher = SetUIDLauncher(controlGroups: try ControlGroups(below: FilePath(path)))
            let command = patient(Command(.path("/bin/sleep"), arguments: ["1000"]))
            let process = try await launcher.launch(command, as: TestBed.alice.identity)
            #expect(Fault(.confirm, "kill").install(EPERM))
            #expect(Fault(.confirm, "pidfd_send_signal").install(EPERM))
            #expect(throws: Errno.notPermitted) { try process.send(.kill) }
            try process.send(.kill, to: .tree)
            #expect(try await process.exitReport().status == .signaled(.kill))
        }
    }

    @Test("is nothing where all have ended: the cgroup goes a moment later")
    func removal() async throws {
        let result = try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
        guard case .controlGroup(let group) = result.process.report.containment else {
            Issue.record("the job has no cgroup")
            return
        }
        let deadline = ContinuousClock.now + ample
        while exists(group), ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(1)) }
        #expect(!exists(group))
    }

    @Test("by a daemon that is gone is found and ended by the next one, and nothing of those that run")
    func leftovers() async throws {
        let notes = [freshPath("left").string, freshPath("spared").string, freshPath("kept").string]
        let path = TestBed.controlGroups.string
        await #expect(processExitsWith: .success) { [path = path as String, notes = notes as [String]] in
            let launcher = SetUIDLauncher(controlGroups: try ControlGroups(below: FilePath(path)))
            for note in notes {
                let isKept = note == notes.last
                let (_, group) = try await RemainderTests.leaving(launcher, daemonEnd: isKept ? .goOn : nil)
                let file = try FileDescriptor.open(
                    FilePath(note),
                    .writeOnly,
                    options: .create,
                    permissions: .ownerReadWrite
                )
                try file.closeAfter { _ = try file.writeAll(group.string.utf8) }
            }
        }
        let left = FilePath(try ProcFile.read(FilePath(notes[0])))
        let spared = FilePath(try ProcFile.read(FilePath(notes[1])))
        let kept = FilePath(try ProcFile.read(FilePath(notes[2])))
        let groups = try ControlGroups(below: TestBed.controlGroups)
        let sleeper = patient(Command(.path("/bin/sleep"), arguments: ["1000"]))
        let own = try await launcher.launch(sleeper, as: TestBed.bob.identity)

        let reference = JobReference(processID: 1, startTime: 0, bootID: "", controlGroup: spared.string)
        let ended = try await groups.endLeftovers(sparing: [reference])
        #expect(ended.contains(left))
        #expect(!exists(left))
        #expect(Self.isPopulated(spared))
        #expect(try await groups.endLeftovers().contains(spared))
        #expect(!exists(spared))
        // Somebody else may have taken it over.
        #expect(Self.isPopulated(kept))
        #expect(try await groups.endLeftovers(includingKept: true).contains(kept))
        #expect(!exists(kept))
        // A job of a daemon that runs is its own.
        #expect(try await own.terminate(gracePeriod: ample).status == .signaled(.terminate))
    }
}

@Suite("The cgroup of a job of the daemon's own account", .testBed, .controlGroups)
struct LeavableControlGroupTests {
    @Test("is not said to hold it, and what has left it ends with the job all the same")
    func leaving() async throws {
        let place = TestBed.controlGroups.appending("own-\(getpid())").string
        try #require(unsafe mkdir(place, 0o755) == 0)
        await #expect(processExitsWith: .success) { [place = place as String] in
            let person = try await TestBed.carol.identity
            for file in ["", "/cgroup.procs", "/cgroup.subtree_control"] {
                #expect(unsafe chown(place + file, TestBed.carol.userID, TestBed.carol.groupID) == 0)
            }
            let file = try FileDescriptor.open(FilePath(place + "/cgroup.procs"), .writeOnly)
            try file.closeAfter { _ = try file.writeAll("0".utf8) }
            let groups: [gid_t] = TestBed.carol.groups
            #expect(unsafe setgroups(groups.count, groups) == 0)
            #expect(setgid(TestBed.carol.groupID) == 0)
            #expect(setuid(TestBed.carol.userID) == 0)
            let own = ExecutionIdentity(
                admitted: person.account,
                login: person.login,
                mode: .desktop,
                method: .keepCurrentAccount
            )
            let ready = freshPath("ready")
            let script = """
                sh -c "trap '' TERM; echo \\$\\$ > \(place)/cgroup.procs; echo \\$\\$ > \(ready); while :; do sleep 0.05; done" &
                exec sleep 1000
                """
            let launcher = CurrentUserLauncher(controlGroups: try ControlGroups(below: FilePath(place)))
            let command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
            let process = try await launcher.launch(command, as: own)
            guard case .leavableControlGroup = process.report.containment else {
                Issue.record("the report says \(process.report.containment)")
                return
            }
            var left: Int32?
            while left == nil {
                await Task.yield()
                left = (try? ProcFile.read(ready)).flatMap { Int32($0.prefix { $0 != "\n" }) }
            }
            let escaped = try #require(left)
            #expect(try ProcFile.read(FilePath("/proc/\(escaped)/cgroup")).contains("/job-") == false)
            try await process.terminate(gracePeriod: .milliseconds(50))
            while ProcessStart.time(of: escaped) != nil { await Task.yield() }
        }
        while unsafe rmdir(place) != 0, errno == EBUSY { await Task.yield() }
    }
}
