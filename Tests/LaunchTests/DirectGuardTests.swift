import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// In direct mode the child has the account's ids and the daemon's memory at once, for a moment. What makes that safe:
///
/// | hazard | guard | test |
/// |---|---|---|
/// | libc's `setresuid` signals every thread of the daemon, and waits for them | system calls alone | `TrampolineImageTests` "without a loader" |
/// | `fs.suid_dumpable` opens the memory of whoever changes his ids | refused unless 0 | "is refused where", `SuidDumpableTests` |
/// | the flag is set back while a child is in its moment | no plan of this mode can | `InterpreterTests` "dumpable" |
/// | the account reads, writes or traces the child, and so the daemon | the kernel, as the flag is cleared | "is out of reach" |
/// | capabilities stay where the user id that is left is not 0 | refused unless the daemon is root | "not root" |
/// | capabilities stay because securebits say so | refused | "securebits" |
/// | a job that ends at once is reaped by the kernel, and its number is another's | refused | "keeps no zombies" |
/// | the account stops the child, and so the thread that has cloned it | a watchdog kills it | "is stopped" |
/// | the account kills the child | an error, and nothing else | "is killed" |
/// | the account takes the processor away from the child | one of its four threads waits for it | "is made idle" |
/// | the daemon sets the flag back while a child is in its moment | none: it must not | "sets it back" |
/// | a file system holds up the exec past any kill | four such threads, then isolated | "isolated while" |
/// | an account holds up one launch after the other | four of an account, twelve of all, then isolated | "isolated for an account" |
/// | the cgroup of a job is frozen, and the thread that has cloned into it | isolated with cgroups | "isolated into cgroups" |
/// | a job is to end with the thread that has cloned it | isolated then | "isolated when it is to end" |
/// | memory of a limited cgroup runs out: everybody with that memory is killed | `CLONE_VFORK` always, which exempts it | "stands still" |
/// | the moment is longer than it need be | the user id changes last | `ChildPlanTests` |
/// | files of `/proc` are the daemon's | refused as streams | `StreamTests` "its own memory" |
@Suite("Direct mode", .testBed, .serialized)
struct DirectGuardTests {
    private static let direct = SetUIDLauncher(isolation: .direct)
    private static let setting = "/proc/sys/fs/suid_dumpable"

    private static func refusal(as person: ExecutionIdentity) async throws -> LaunchError {
        let error = try await launchError(Command(.path("/bin/true")), as: person, direct)
        #expect(error.code == .notPermitted)
        #expect(error.step == .prepare)
        #expect(error.message.contains("use the isolated mode"))
        return error
    }

    /// Expects that launches work, in direct mode.
    private static func expectToLaunch(as person: ExecutionIdentity) async throws {
        let process = try await direct.launch(patient(Command(.path("/bin/true"))), as: person)
        #expect(isDirect(process))
        #expect(try await process.exitReport().status == .exited(0))
    }

    /// Whether a job has been started in direct mode.
    ///
    /// There the look at it belongs to the launch, and is one at `/proc`; an isolated launch has the kernel's word, or none.
    private static func isDirect(_ process: LaunchedProcess) -> Bool { process.report.attestation == .procfs }

    @Test("is refused where fs.suid_dumpable is not 0, or cannot be read", arguments: ["1\n", "2\n", ""])
    func suidDumpable(_ value: String) async throws {
        let file = freshPath("suid_dumpable")
        try writeFile(value, to: file)
        let person = try await warmedUp(.isolated)
        try #require(unsafe file_put_over(Self.setting, file.string) == 0)
        let result = Result { try ProcFile.read(FilePath(Self.setting)) }
        let error = await Task { try await Self.refusal(as: person) }.result
        #expect(unsafe file_uncover(Self.setting) == 0)
        #expect(try result.get() == value)
        #expect(try error.get().message.contains("where fs.suid_dumpable is not 0"))
    }

    @Test("is refused in a daemon that is not root, whatever capabilities it has kept")
    func capableAccount() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.isolated)
            #expect(become_capable_account(RunningHelper.account) == 0)
            let error = try await Self.refusal(as: person)
            #expect(error.message.contains("direct mode needs a daemon with user id 0"))
        }
    }

    @Test("is refused in a daemon whose real user id is not root's")
    func realUserID() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.isolated)
            #expect(setreuid(RunningHelper.account, 0) == 0)
            let error = try await Self.refusal(as: person)
            #expect(error.message.contains("direct mode needs a daemon with user id 0"))
        }
    }

    @Test(
        "is refused in a daemon that has changed its securebits",
        // SECBIT_NOROOT, SECBIT_NO_SETUID_FIXUP, SECBIT_KEEP_CAPS, SECBIT_NO_CAP_AMBIENT_RAISE
        arguments: [1 << 0, 1 << 2, 1 << 4, 1 << 6] as [UInt]
    )
    func secureBits(_ bits: UInt) async throws {
        await #expect(processExitsWith: .success) { [bits = bits as UInt] in
            let person = try await warmedUp(.isolated)
            // Of this thread; nothing is waited for before the refusal.
            #expect(thread_set_securebits(bits) == 0)
            let error = try await Self.refusal(as: person)
            #expect(error.message.contains("the kernel's own securebits"))
        }
    }

    @Test("is refused in a daemon that keeps no zombies", arguments: [true, false])
    func childSignal(_ isIgnored: Bool) async throws {
        await #expect(processExitsWith: .success) { [isIgnored = isIgnored as Bool] in
            let person = try await warmedUp(.isolated)
            if isIgnored { signal(SIGCHLD, SIG_IGN) } else { #expect(keep_no_zombies(1) == 0) }
            #expect(try await Self.refusal(as: person).message.contains("default disposition of SIGCHLD"))
            #expect(keep_no_zombies(0) == 0)
            try await Self.expectToLaunch(as: person)
        }
    }

    @Test("leaves a child that has the account's ids already out of reach of the account, and so the daemon")
    func memory() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.isolated)
            try #require(process_set_dumpable(1) == 0)
            let held = try HeldLaunch(of: TestBed.alice.userID)
            let launch = Task { try await launchError(held.command, as: person, Self.direct) }
            let child = try await held.child()
            #expect(share_memory(child, DaemonState.witness) == 1)
            #expect(process_dumpable() == 0)
            let targets = [child, DaemonState.witness]
            let report = try await runProbe(targets.flatMap { ["--read-memory", "\($0)"] }, as: person)
            Attack.expectRefused(child, in: report, but: Attack.ofTheSameAccount)
            Attack.expectRefused(DaemonState.witness, in: report)
            launch.cancel()
            #expect(try await launch.value.code == .cancelled)
            // Nobody sets it back, for there may be another child by then.
            #expect(process_dumpable() == 0)
            try held.letGo()
        }
    }

    @Test("stands still with a child that shares the daemon's memory, by either system call", arguments: [0, ENOSYS])
    func vfork(_ error: Int32) async throws {
        await #expect(processExitsWith: .success) { [error = error as Int32] in
            let person = try await warmedUp(.direct)
            if error != 0 { #expect(Fault(.clone, "clone3").install(error)) }
            let held = try HeldLaunch(of: TestBed.alice.userID)
            let launch = Task { try await launchError(held.command, as: person, Self.direct) }
            let child = try await held.child()
            #expect(share_memory(child, DaemonState.witness) == 1)
            // wait_for_vfork_done of kernel/fork.c: nothing else that this thread does is no sleep of a signal's.
            let cloner = try #require(Self.parentThread(of: child))
            let stat = try ProcFile.read(FilePath("/proc/self/task/\(cloner)/stat"))
            #expect(ProcessStat(parsing: stat)?.state == UInt8(ascii: "D"))
            launch.cancel()
            #expect(try await launch.value.code == .cancelled)
            #expect(!hasChildren())
            try held.letGo()
        }
    }

    /// The thread of this process that has cloned a child.
    private static func parentThread(of child: Int32) -> String? {
        guard let directory = unsafe opendir("/proc/self/task") else { return nil }
        defer { unsafe closedir(directory) }
        return unsafe DirectoryNames(directory)
            .first { thread in
                let children = (try? ProcFile.read(FilePath("/proc/self/task/\(thread)/children"))) ?? ""
                return children.split(separator: " ").contains("\(child)")
            }
    }

    @Test("ends a child that is stopped by its account before its exec, and the daemon goes on")
    func stopped() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.direct)
            let held = try HeldLaunch(of: TestBed.alice.userID)
            var command = held.command
            // Time enough for the account to stop it.
            command.startDeadline = .seconds(15)
            let launch = Task { [command] in try await launchError(command, as: person, Self.direct) }
            let child = try await held.child()
            #expect(try await runScript("kill -STOP \(child)", as: person).exit.status == .exited(0))
            while try ProcessStat(of: child).state != UInt8(ascii: "T") { try await Task.sleep(for: .milliseconds(1)) }
            // Nothing but the stop holds it from here on.
            try held.letGo()
            let error = try await launch.value
            #expect(error.code == .deadlineExceeded)
            #expect(error.step == .confirm)
            #expect(!hasChildren())
            #expect(!DirectLaunch.isCrowded)
            try await Self.expectToLaunch(as: person)
        }
    }

    @Test("launches a child that is made idle by its account before its exec, and others meanwhile")
    func idle() async throws {
        await #expect(processExitsWith: .success) {
            let (alice, bob) = (try await warmedUp(.direct), try await TestBed.bob.identity)
            let held = try HeldLaunch(of: TestBed.alice.userID)
            let launch = Task { try await Self.direct.launch(held.command, as: alice) }
            let child = try await held.child()
            let script = """
                chrt --idle --pid 0 \(child) && renice -n 19 -p \(child) && ionice -c 3 -p \(child) && taskset -p 1 \(child)
                """
            #expect(try await runScript(script, as: alice).exit.status == .exited(0))
            // Whoever has cloned it is root's, and is what it was.
            let cloner = try #require(Self.parentThread(of: child))
            #expect(try await runScript("renice -n 19 -p \(cloner)", as: alice).exit.status != .exited(0))
            try await Self.expectToLaunch(as: bob)
            #expect(!held.hasRun)
            try held.letGo()
            let process = try await launch.value
            #expect(Self.isDirect(process))
            #expect(try await process.exitReport().status == .exited(0))
            #expect(held.hasRun)
        }
    }

    @Test("is open to the account where the daemon sets it back while a child has its ids, and that cannot be helped")
    func dumpableAgain() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.isolated)
            let held = try HeldLaunch(of: TestBed.alice.userID)
            let launch = Task { try await launchError(held.command, as: person, Self.direct) }
            let child = try await held.child()
            try #require(process_set_dumpable(1) == 0)
            let report = try await runProbe(["--read-memory", "\(child)"], as: person)
            let reached = report.attempts.filter(\.succeeded).map(\.call)
            #expect(!Set(reached).subtracting(Attack.ofTheSameAccount).isEmpty, "\(reached)")
            launch.cancel()
            #expect(try await launch.value.code == .cancelled)
            try held.letGo()
        }
    }

    @Test("says so when a child is killed by its account before its exec, and the daemon goes on")
    func killed() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.direct)
            let held = try HeldLaunch(of: TestBed.alice.userID)
            let launch = Task { try await launchError(held.command, as: person, Self.direct) }
            let child = try await held.child()
            #expect(try await runScript("kill -KILL \(child)", as: person).exit.status == .exited(0))
            #expect(try await launch.value.code == .endedBeforeStart)
            #expect(!hasChildren())
            try held.letGo()
            try await Self.expectToLaunch(as: person)
        }
    }

    @Test(
        "is isolated while four threads are lost to a file system that hangs, and direct again afterwards",
        .enabled(if: TestBed.hasMachineRoot, "mounts a file system")
    )
    func crowded() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.direct)
            try await Self.expectToLaunch(as: person)
            let pages = try (0..<4).map { _ in try HeldPage(of: TestBed.alice) }
            for page in pages {
                #expect(!DirectLaunch.isCrowded)
                var command = Command(.path(FilePath(page.file)))
                command.workingDirectory = .path("/")
                command.startDeadline = .milliseconds(500)
                let error = try await launchError(command, as: person, Self.direct)
                #expect(error.code == .deadlineExceeded)
            }
            #expect(try await isInTime { while !DirectLaunch.isCrowded { await Task.yield() } })
            let fifth = try await Self.direct.launch(patient(Command(.path("/bin/true"))), as: person)
            #expect(!Self.isDirect(fifth))
            #expect(try await fifth.exitReport().status == .exited(0))
            for page in pages { page.release() }
            #expect(try await isInTime { while DirectLaunch.isCrowded { await Task.yield() } })
            try await Self.expectToLaunch(as: person)
        }
    }

    @Test("is isolated for an account that holds up four launches, and costs nobody else a thread")
    func heldUp() async throws {
        await #expect(processExitsWith: .success) {
            let (alice, bob) = (try await warmedUp(.direct), try await TestBed.bob.identity)
            let held = try HeldLaunch(of: TestBed.alice.userID)
            let count = 17
            let launches = (0..<count)
                .map { _ in
                    Task { try await Self.direct.launch(held.command, as: alice) }
                }
            let areThere = try await isInTime {
                while try HeldLaunch.processes(of: TestBed.alice.userID).count < count {
                    try await Task.sleep(for: .milliseconds(1))
                }
            }
            #expect(areThere)
            try await Self.expectToLaunch(as: bob)
            #expect(!held.hasRun)
            try held.letGo()
            var directly = 0
            for launch in launches {
                // What is thrown here nobody would read; an issue is told to the process that has started this one.
                do {
                    let process = try await launch.value
                    if Self.isDirect(process) { directly += 1 }
                    #expect(try await process.exitReport().status == .exited(0))
                } catch {
                    Issue.record(error)
                }
            }
            #expect(directly == 4)
            try await Self.expectToLaunch(as: alice)
        }
    }

    @Test("is isolated into cgroups, one of which may be frozen", .controlGroups)
    func controlGroups() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.direct)
            let groups = try ControlGroups(below: TestBed.controlGroups)
            let launcher = SetUIDLauncher(isolation: .direct, controlGroups: groups)
            // What direct mode refuses shows that it is not the one.
            #expect(thread_set_securebits(1 << 6) == 0)
            let process = try await launcher.launch(patient(Command(.path("/bin/true"))), as: person)
            #expect(!Self.isDirect(process))
            guard case .controlGroup = process.report.containment else {
                Issue.record("the job has no cgroup")
                return
            }
            #expect(try await process.exitReport().status == .exited(0))
        }
    }

    @Test("is isolated when it is to end with its daemon, whose threads come and go")
    func daemonEnd() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.direct)
            var command = patient(Command(.path("/bin/true")))
            command.daemonEnd = .end
            let process = try await Self.direct.launch(command, as: person)
            #expect(!Self.isDirect(process))
            #expect(try await process.exitReport().status == .exited(0))
        }
    }
}
