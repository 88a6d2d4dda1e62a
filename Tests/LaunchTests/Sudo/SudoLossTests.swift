import CLaunchPlan
import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The end of sudo before that of its job", .testBed)
struct SudoLossTests {
    /// A job that has started another process, and says when it has, with what `sudo` it has.
    private static func start(
        _ launcher: SudoLauncher,
        cuttingTheTie cutsTie: Bool,
        until stop: FilePath = "/nonexistent"
    ) async throws -> (job: LaunchedProcess, sudo: Int32, other: Int32) {
        let ready = freshPath("ready")
        let script =
            "sleep 100000 & echo $! >\(ready).new; mv \(ready).new \(ready); until [ -e \(stop) ]; do sleep 0.05; done; kill $!"
        let words = (cutsTie ? ["/usr/bin/setpriv", "--pdeathsig", "clear"] : []) + ["/bin/sh", "-c", script]
        let job = try await launcher.launch(
            patient(Command(.path(FilePath(words[0])), arguments: Array(words.dropFirst()))),
            as: TestBed.alice.identity
        )
        while !exists(ready) { try await Task.sleep(for: .milliseconds(5)) }
        let other = try ProcFile.read(ready).split(separator: "\n").first.flatMap { Int32($0) }
        return (job, try ProcessStat(of: job.processID.rawValue).parent, try #require(other))
    }

    private static func isRunning(_ process: Int32) -> Bool {
        ProcessStart.time(of: process) != nil
            && !(((try? ProcFile.read(FilePath("/proc/\(process)/status"))) ?? "").contains("State:\tZ"))
    }

    /// Whether it runs or is a zombie.
    private static func isThere(_ process: ProcessID) -> Bool { exists(FilePath("/proc/\(process.rawValue)")) }

    private static func awaitEnd(of processes: [Int32]) async throws {
        for _ in 0..<1_000 where processes.contains(where: isRunning) { try await Task.sleep(for: .milliseconds(5)) }
        #expect(processes.filter(isRunning) == [])
    }

    /// Whether the kernel tells the end of a process to others than its parent (Linux 6.15).
    private static var tellsEnds: Bool {
        var information = utsname()
        guard unsafe uname(&information) == 0 else { return false }
        let release = unsafe withUnsafeBytes(of: information.release) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let parts = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return parts.count == 2 && (parts[0], parts[1]) >= (6, 15)
    }

    @Test("takes the job along, and all that it has started", arguments: SudoWay.available)
    func tied(_ way: SudoWay) async {
        await #expect(processExitsWith: .success) { [way = way.rawValue as String] in
            let launcher = try #require(SudoWay(rawValue: way)).becomeDaemon()
            let (job, sudo, other) = try await Self.start(launcher, cuttingTheTie: false)
            #expect(kill(sudo, SIGKILL) == 0)
            let report = try await job.exitReport()
            #expect(report.status == .signaled(.kill, coreDumped: false))
            #expect(report.remainingProcesses == 0)
            try await Self.awaitEnd(of: [job.processID.rawValue, other])
        }
    }

    @Test(
        "takes along a job that has cut its tie, and tells only an end that somebody has seen",
        arguments: SudoWay.available
    )
    func cut(_ way: SudoWay) async {
        await #expect(processExitsWith: .success) { [way = way.rawValue as String] in
            let launcher = try #require(SudoWay(rawValue: way)).becomeDaemon()
            for signal in [SIGKILL, SIGSEGV] {
                let (job, sudo, other) = try await Self.start(launcher, cuttingTheTie: true)
                #expect(kill(sudo, signal) == 0)
                do throws(LaunchError) {
                    let report = try await job.exitReport()
                    #expect(Self.tellsEnds)
                    #expect(report.status == .signaled(.kill, coreDumped: false))
                    #expect(report.remainingProcesses == 0)
                } catch {
                    #expect(!Self.tellsEnds)
                    #expect(error.code == .statusLost, "\(error)")
                }
                try await Self.awaitEnd(of: [job.processID.rawValue, other])
            }
        }
    }

    @Test("is not told as that of a job that goes on because nobody can end it")
    func unreachable() async throws {
        let rule = try SudoRule("launcher ALL=(alice) NOPASSWD: \(TestBed.launcher) run *")
        let left = freshPath("left").string
        await #expect(processExitsWith: .success) { [left = left as String] in
            becomeDaemon(991)
            let launcher = SudoLauncher.ofTheBed(signalsThroughSudo: false)
            let (job, sudo, other) = try await Self.start(launcher, cuttingTheTie: true)
            #expect(kill(sudo, SIGKILL) == 0)
            for ends in [false, true] {
                do throws(LaunchError) {
                    let report = ends ? try await job.terminate(gracePeriod: .zero) : try await job.exitReport()
                    Issue.record("the job runs, and its end is told as \(report.status)")
                } catch {
                    #expect(error.code == .statusLost, "\(error)")
                    #expect(error.message.contains("\(job.processID.rawValue) of it still runs"))
                }
            }
            #expect(Self.isRunning(job.processID.rawValue))
            try writeFile("\(job.processID.rawValue) \(other)", to: FilePath(left))
        }
        rule.remove()
        let processes = try ProcFile.read(FilePath(left)).split(separator: " ").compactMap { Int32($0) }
        #expect(processes.count == 2)
        for process in processes { #expect(kill(process, SIGKILL) == 0) }
    }

    @Test("is not what a job's own end by the same signal is taken for", .controlGroups)
    func ownEnd() async {
        await #expect(processExitsWith: .success) {
            var launcher = try SudoWay.controlGroup.becomeDaemon()
            for (script, status, word) in [
                ("kill -SEGV $$", TerminationStatus.signaled(.segmentationFault), KernelsWord.ofOthers),
                ("kill -TERM $$", .signaled(.terminate), KernelsWord.ofOthers),
                ("exit 139", .exited(139), KernelsWord.ofOthers),
                ("kill -SEGV $$", .signaled(.segmentationFault), Self.silence),
                ("kill -TERM $$", .signaled(.terminate), Self.silence),
                ("exit 139", .exited(139), Self.silence),
            ] {
                launcher.kernelsWord = word
                let left = freshPath("left")
                let command = Command(
                    .path("/bin/sh"),
                    arguments: ["-c", "sleep 100000 & echo $! >\(left); \(script)"]
                )
                let job = try await launcher.launch(patient(command), as: TestBed.alice.identity)
                let report = try await job.exitReport()
                switch (report.status, status) {
                case (.signaled(let found, _), .signaled(let expected, _)): #expect(found == expected)
                default: #expect(report.status == status)
                }
                // What it leaves behind goes on, as it is to.
                let other = try #require(Int32(ProcFile.read(left).filter(\.isNumber)))
                #expect(Self.isRunning(other), "\(script)")
                _ = try await job.terminate(gracePeriod: .zero)
            }
        }
    }

    /// What the kernel says before Linux 6.15.
    private static let silence: KernelsWord.Source = { _ in .unknown }

    @Test("after its job is not told as the end of that, unless somebody has seen it", arguments: SudoWay.available)
    func closing(_ way: SudoWay) async throws {
        let closes = freshPath("closes").string
        let service = try ReplacedFile(
            "/etc/pam.d/sudo",
            """
            auth required pam_permit.so
            account required pam_permit.so
            session required \(PAMService.module) [close:record=\(closes)] [close:hang=]

            """
        )
        await #expect(processExitsWith: .success) { [way = way.rawValue as String, closes = closes as String] in
            var launcher = try #require(SudoWay(rawValue: way)).becomeDaemon()
            var count = 0
            for (ending, status) in [
                ("exit 0", TerminationStatus.exited(0)), ("exit 3", .exited(3)),
                ("kill -KILL $$", .signaled(.kill, coreDumped: false)),
            ] {
                for isTold in Self.tellsEnds ? [true, false] : [false] {
                    launcher.kernelsWord = isTold ? KernelsWord.ofOthers : Self.silence
                    let go = freshPath("go")
                    let script = "until [ -e \(go) ]; do sleep 0.02; done; \(ending)"
                    let job = try await launcher.launch(
                        patient(Command(.path("/bin/sh"), arguments: ["-c", script])),
                        as: TestBed.alice.identity
                    )
                    let sudo = try ProcessStat(of: job.processID.rawValue).parent
                    try writeFile("", to: go)
                    count += 1
                    while ((try? ProcFile.read(FilePath(closes))) ?? "").count(where: { $0 == "\n" }) < count {
                        try await Task.sleep(for: .milliseconds(5))
                    }
                    #expect(kill(sudo, SIGKILL) == 0)
                    do throws(LaunchError) {
                        let report = try await job.exitReport()
                        #expect(isTold, "\(ending)")
                        #expect(report.status == status)
                    } catch {
                        #expect(!isTold, "\(error)")
                        #expect(error.code == .statusLost)
                        #expect(error.message.contains("Linux tells from 6.15 on"))
                    }
                }
            }
        }
        service.restore()
    }

    @Test("by this process is no secret, whatever the kernel tells", arguments: SudoWay.available)
    func killed(_ way: SudoWay) async {
        await #expect(processExitsWith: .success) { [way = way.rawValue as String] in
            var launcher = try #require(SudoWay(rawValue: way)).becomeDaemon()
            launcher.kernelsWord = Self.silence
            let (job, _, other) = try await Self.start(launcher, cuttingTheTie: false)
            try job.send(.kill, to: .tree)
            #expect(try await job.exitReport().status == .signaled(.kill, coreDumped: false))
            try await Self.awaitEnd(of: [job.processID.rawValue, other])
        }
    }

    @Test("leaves its job to a daemon that inherits orphans, which takes the status", arguments: SudoWay.available)
    func inherited(_ way: SudoWay) async {
        await #expect(processExitsWith: .success) { [way = way.rawValue as String] in
            #expect(inherit_orphans() == 0)
            var launcher = try #require(SudoWay(rawValue: way)).becomeDaemon()
            launcher.kernelsWord = Self.silence
            for cutsTie in [false, true] {
                let (job, sudo, other) = try await Self.start(launcher, cuttingTheTie: cutsTie)
                #expect(kill(sudo, SIGKILL) == 0)
                #expect(try await job.exitReport().status == .signaled(.kill, coreDumped: false))
                try await Self.awaitEnd(of: [other])
                #expect(!Self.isThere(job.processID), "it is a zombie")
            }
        }
    }

    @Test("leaves no zombie to a daemon that inherits a job which it cannot end")
    func inheritedLater() async throws {
        let rule = try SudoRule("launcher ALL=(alice) NOPASSWD: \(TestBed.launcher) run *")
        await #expect(processExitsWith: .success) {
            #expect(inherit_orphans() == 0)
            becomeDaemon(991)
            let stop = freshPath("stop")
            let launcher = SudoLauncher.ofTheBed(signalsThroughSudo: false)
            let (job, sudo, _) = try await Self.start(launcher, cuttingTheTie: true, until: stop)
            #expect(kill(sudo, SIGKILL) == 0)
            do throws(LaunchError) {
                let report = try await job.exitReport()
                Issue.record("the job runs, and its end is told as \(report.status)")
            } catch {
                #expect(error.code == .statusLost, "\(error)")
            }
            try writeFile("", to: stop)
            for _ in 0..<1_000 where Self.isThere(job.processID) { try await Task.sleep(for: .milliseconds(5)) }
            #expect(!Self.isThere(job.processID), "it is a zombie, or runs")
        }
        rule.remove()
    }
}
