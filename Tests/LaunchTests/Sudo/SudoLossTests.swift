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

    /// Whether the kernel tells the end of a process to others than its parent.
    private static var tellsEnds: Bool { KernelsWord.isTold }

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
            // sudo-rs survives SIGSEGV.
            for signal in [SIGKILL, SIGABRT] + (way.hasSuffix("ByRust") ? [] : [SIGSEGV]) {
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

    /// Who is between `sudo` and its job.
    enum Between: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case nobody, loginShell, waitingShell, su, suAndWaitingShell

        var testDescription: String { rawValue }

        /// How many there are, with `sudo`; a login shell becomes the job.
        private var count: Int {
            switch self {
            case .nobody, .loginShell: 1
            case .waitingShell, .su: 2
            case .suAndWaitingShell: 3
            }
        }

        /// A shell that waits for the launcher, and lets calls that signal pass.
        func makeProfile() throws -> AccountProfile {
            let waits = self == .waitingShell || self == .suAndWaitingShell
            return try AccountProfile(waits ? "if [ -S /dev/stdin ]; then \(TestBed.launcher) session; exit; fi\n" : "")
        }

        func becomeDaemon() throws -> SudoLauncher {
            #expect(inherit_orphans() == 0)
            becomeUnprivilegedDaemon()
            return switch self {
            case .nobody: .ofTheBed()
            case .loginShell, .waitingShell: .ofTheBed(profile: .login)
            case .su, .suAndWaitingShell: .ofTheBed(profile: .substitute())
            }
        }

        /// Who they are, `sudo` at the end.
        func ancestors(of job: LaunchedProcess) throws -> [Int32] {
            var found: [Int32] = []
            var next = try ProcessStat(of: job.processID.rawValue).parent
            while next != getpid(), found.count < 10 {
                found.append(next)
                next = try ProcessStat(of: next).parent
            }
            try #require(found.count == count, "\(found)")
            return found
        }
    }

    /// Waits until this process has no other children than it had.
    private static func awaitNobody(but former: Set<Int32>) async throws {
        for _ in 0..<4_000 where !childrenOfThisProcess().isSubset(of: former) {
            try await Task.sleep(for: .milliseconds(5))
        }
        let left = childrenOfThisProcess().subtracting(former)
        #expect(left.isEmpty, "\(left.map { (try? ProcFile.read(FilePath("/proc/\($0)/stat"))) ?? "" })")
    }

    /// A child that has ended, and that nobody but the daemon itself may wait for.
    private static func zombie() async throws -> pid_t {
        var child = pid_t()
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("true"), nil]
        defer { unsafe free(arguments[0]) }
        try #require(unsafe posix_spawn(&child, "/bin/true", nil, nil, &arguments, nil) == 0)
        while try !ProcessStat(of: child).hasEnded { try await Task.sleep(for: .milliseconds(5)) }
        return child
    }

    @Test(
        "leaves none of those between the two to a daemon that inherits orphans, and none of the daemon's is touched",
        arguments: Between.allCases
    )
    func between(_ between: Between) async throws {
        let profile = try between.makeProfile()
        let rule = try SudoRule("renderd ALL=(root) NOPASSWD: /usr/bin/su")
        await #expect(processExitsWith: .success) { [between = between.rawValue as String] in
            let between = try #require(Between(rawValue: between))
            let launcher = try between.becomeDaemon()
            let identity = try await TestBed.alice.identity
            let child = try await Self.zombie()
            let former = childrenOfThisProcess()
            for cutsTie in [false, true] {
                let ready = freshPath("ready")
                let words =
                    (cutsTie ? ["/usr/bin/setpriv", "--pdeathsig", "clear"] : [])
                    // What else it started would be the daemon's to wait for.
                    + ["/bin/sh", "-c", "echo >\(ready); exec sleep 100000"]
                let command = Command(.path(FilePath(words[0])), arguments: Array(words.dropFirst()))
                let job = try await launcher.launch(patient(command), as: identity)
                while !exists(ready) { try await Task.sleep(for: .milliseconds(5)) }
                let sudo = try #require(between.ancestors(of: job).last)
                #expect(kill(sudo, SIGKILL) == 0)
                // Which end that is, and whether anybody has seen it, is said above.
                _ = try? await job.exitReport()
                try await Self.awaitNobody(but: former)
            }
            #expect(waitpid(child, nil, WNOHANG) == child)
        }
        profile.remove()
        rule.remove()
    }

    @Test("leaves nobody who ends later than the job either, and that is not what the end of the job waits for")
    func betweenLater() async throws {
        let rule = try SudoRule("renderd ALL=(root) NOPASSWD: /usr/bin/su")
        let (closes, gate) = (freshPath("closes").string, freshPath("gate").string)
        let service = try ReplacedFile(
            "/etc/pam.d/su-l",
            """
            auth required pam_permit.so
            account required pam_permit.so
            session required \(PAMService.module) [close:record=\(closes)] [close:wait=\(gate)]

            """
        )
        await #expect(processExitsWith: .success) { [closes = closes as String, gate = gate as String] in
            let launcher = try Between.su.becomeDaemon()
            let identity = try await TestBed.alice.identity
            let former = childrenOfThisProcess()
            let go = freshPath("go")
            let job = try await launcher.launch(
                patient(
                    Command(.path("/bin/sh"), arguments: ["-c", "until [ -e \(go) ]; do sleep 0.02; done; exit 7"])
                ),
                as: identity
            )
            let ancestors = try Between.su.ancestors(of: job)
            try writeFile("", to: go)
            while !exists(FilePath(closes)) { try await Task.sleep(for: .milliseconds(5)) }
            #expect(kill(ancestors[1], SIGKILL) == 0)
            // Whoever waits for su fails, and does not stand still.
            let rescue = Task {
                try await Task.sleep(for: .seconds(60))
                try writeFile("", to: FilePath(gate))
            }
            do throws(LaunchError) {
                #expect(try await job.exitReport().status == .exited(7))
            } catch {
                #expect(!Self.tellsEnds, "\(error)")
                #expect(error.code == .statusLost)
            }
            #expect(Self.isRunning(ancestors[0]), "the end was told when su had ended")
            rescue.cancel()
            try writeFile("", to: FilePath(gate))
            try await Self.awaitNobody(but: former)
        }
        service.restore()
        rule.remove()
    }
}
