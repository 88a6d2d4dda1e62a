import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("A job of an account that others have jobs of", .testBed)
struct LurkerTests {
    /// A way from a daemon to jobs of others.
    enum Way: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case setuid
        case pam
        case sudo

        var testDescription: String { rawValue }

        /// The helper that it leads through, if it does.
        func helper(withGroups: Bool) throws -> RunningHelper? {
            guard self == .pam else { return nil }
            let groups = withGroups ? ["control-groups = \(TestBed.controlGroups)"] : []
            return try RunningHelper(policy: ["pam-services = \(LaunchWay.service)"] + groups)
        }

        /// The launcher for this process, which is a daemon without privileges afterwards where the way needs none.
        func becomeDaemon(withGroups: Bool, _ socket: String) throws -> any ProcessLauncher {
            switch self {
            case .setuid:
                return SetUIDLauncher(controlGroups: withGroups ? try ControlGroups(below: TestBed.controlGroups) : nil)
            case .pam:
                becomeUnprivilegedDaemon()
                let helper = SystemHelperLauncher(socket: FilePath(socket))
                return PAMLauncher(through: helper, service: LaunchWay.service)
            case .sudo: return try (withGroups ? SudoWay.controlGroup : .launcherAsTheAccount).becomeDaemon()
            }
        }
    }

    /// A job that starts a process of its own and stays, and the number of that process.
    private static func busy(
        _ launcher: any ProcessLauncher,
        as identity: ExecutionIdentity
    ) async throws -> (LaunchedProcess, pid_t) {
        let note = freshPath("number")
        let script = "sleep 100000 & echo $! > \(note).new; mv \(note).new \(note); wait"
        let process = try await launcher.launch(
            patient(Command(.path("/bin/sh"), arguments: ["-c", script])),
            as: identity
        )
        return (process, try await number(in: note))
    }

    private static func number(in note: FilePath) async throws -> pid_t {
        let patience = ContinuousClock.now + ample
        while !exists(note), ContinuousClock.now < patience { try await Task.sleep(for: .milliseconds(2)) }
        return try #require(pid_t(ProcFile.read(note).split(separator: "\n").first ?? ""))
    }

    /// That a process is gone: as soon as its job is, but for those that the launcher behind sudo has ended.
    private static func expectGone(_ process: pid_t, _ way: Way) async throws {
        if way == .sudo { try await wait { ProcessStart.time(of: process) == nil } }
        #expect(ProcessStart.time(of: process) == nil)
    }

    private static func expectOneEnd(
        of launcher: any ProcessLauncher,
        _ way: Way,
        _ end: DescendantPolicy
    ) async throws {
        let alice = try await TestBed.alice.identity
        let (first, child) = try await busy(launcher, as: alice)
        let (other, otherChild) = try await busy(launcher, as: alice)
        var command = patient(Command(.path("/bin/true")))
        command.descendants = end
        let short = try await launcher.launch(command, as: alice)
        #expect(try await short.exitReport().status == .exited(0))
        #expect(ProcessStart.time(of: child) != nil)
        _ = try await first.terminate(gracePeriod: .zero)
        try await expectGone(child, way)
        #expect(ProcessStart.time(of: otherChild) != nil)
        #expect(ProcessStart.time(of: other.processID.rawValue) != nil)
        _ = try await other.terminate(gracePeriod: .zero)
        try await expectGone(otherChild, way)
    }

    private static func others(_ way: Way, _ end: DescendantPolicy, withGroups: Bool) async throws {
        let helper = try way.helper(withGroups: withGroups)
        let socket = helper?.socket.string ?? ""
        await #expect(processExitsWith: .success) {
            [
                way = way.rawValue as String, ends = (end == .end) as Bool, withGroups = withGroups as Bool,
                socket = socket as String
            ] in
            let way = try #require(Way(rawValue: way))
            let launcher = try way.becomeDaemon(withGroups: withGroups, socket)
            try await Self.expectOneEnd(of: launcher, way, ends ? .end : .goOn)
        }
        helper?.stop()
    }

    @Test(
        "ends with what it has started, and leaves what theirs have started alone",
        arguments: Way.allCases,
        [DescendantPolicy.goOn, .end]
    )
    func others(_ way: Way, _ end: DescendantPolicy) async throws {
        try await Self.others(way, end, withGroups: false)
    }

    @Test(
        "does so, too, where jobs have cgroups",
        .controlGroups,
        arguments: Way.allCases,
        [DescendantPolicy.goOn, .end]
    )
    func othersInGroups(_ way: Way, _ end: DescendantPolicy) async throws {
        try await Self.others(way, end, withGroups: true)
    }

    @Test(
        "leaves no daemon of its own that waits for the next one, where jobs have cgroups and end as a whole",
        .controlGroups,
        arguments: Way.allCases
    )
    func lurker(_ way: Way) async throws {
        let helper = try way.helper(withGroups: true)
        let socket = helper?.socket.string ?? ""
        await #expect(processExitsWith: .success) { [way = way.rawValue as String, socket = socket as String] in
            let way = try #require(Way(rawValue: way))
            try await Self.expectNoLurker(of: way.becomeDaemon(withGroups: true, socket))
        }
        helper?.stop()
    }

    private static func expectNoLurker(of launcher: any ProcessLauncher) async throws {
        func command(_ note: FilePath, _ end: DescendantPolicy) -> Command {
            // As daemon(3) does it: neither its session nor its parent lead back to the job, and it hears of nothing.
            let daemonise =
                "setsid sh -c '(trap \"\" TERM HUP INT; echo $$ >/dev/null; "
                + "sh -c \"echo \\$PPID > \(note).new; mv \(note).new \(note)\"; while :; do sleep 0.05; done) & exit' & wait; "
                + "until [ -e \(note) ]; do sleep 0.01; done; exit 5"
            var command = patient(Command(.path("/bin/sh"), arguments: ["-c", daemonise]))
            command.descendants = end
            return command
        }
        let alice = try await TestBed.alice.identity
        let note = freshPath("number")
        let process = try await launcher.launch(command(note, .end), as: alice)
        let report = try await process.exitReport()
        #expect(report.status == .exited(5))
        #expect(report.remainingProcesses == 0)
        let lurker = try await number(in: note)
        #expect(ProcessStart.time(of: lurker) == nil)

        // What goes on unless that is asked for can be ended all the same.
        let next = freshPath("number")
        let other = try await launcher.launch(command(next, .goOn), as: alice)
        #expect(try await other.exitReport().status == .exited(5))
        let remaining = try await number(in: next)
        #expect(ProcessStart.time(of: remaining) != nil)
        #expect(try await other.terminate(gracePeriod: .zero).remainingProcesses == 0)
        #expect(ProcessStart.time(of: remaining) == nil)
    }

    @Test(
        "has nothing of what another one starts for it, as a manager of the account's would: that ends with the other one",
        .controlGroups,
        arguments: Way.allCases
    )
    func manager(_ way: Way) async throws {
        let helper = try way.helper(withGroups: true)
        let socket = helper?.socket.string ?? ""
        await #expect(processExitsWith: .success) { [way = way.rawValue as String, socket = socket as String] in
            let way = try #require(Way(rawValue: way))
            let launcher = try way.becomeDaemon(withGroups: true, socket)
            let alice = try await TestBed.alice.identity
            let (request, note) = (freshPath("request"), freshPath("number"))
            let answer =
                "until [ -e \(request) ]; do sleep 0.01; done; "
                + "sleep 100000 & echo $! > \(note).new; mv \(note).new \(note); wait"
            let manager = try await launcher.launch(
                patient(Command(.path("/bin/sh"), arguments: ["-c", answer])),
                as: alice
            )
            var command = Command(
                .path("/bin/sh"),
                arguments: ["-c", ": > \(request); until [ -e \(note) ]; do sleep 0.01; done"]
            )
            command.descendants = .end
            let job = try await launcher.launch(patient(command), as: alice)
            let started = try await Self.number(in: note)
            #expect(try await job.exitReport().remainingProcesses == 0)
            #expect(ProcessStart.time(of: started) != nil)
            _ = try await manager.terminate(gracePeriod: .zero)
            try await Self.expectGone(started, way)
        }
        helper?.stop()
    }

    @Test("takes nothing along that the daemon has started otherwise, where the account is the daemon's own")
    func agent() async {
        await #expect(processExitsWith: .success) {
            let person = try await TestBed.bob.identity
            becomeDaemon(TestBed.bob.userID)
            // In the daemon's session, and in one of its own as jobs are.
            let children = [
                try Self.spawn("/bin/sleep", "100000"), try Self.spawn("/usr/bin/setsid", "sleep", "100000"),
            ]
            let own = ExecutionIdentity(
                admitted: person.account,
                login: person.login,
                mode: .desktop,
                method: .keepCurrentAccount
            )
            let launcher = CurrentUserLauncher()
            let note = freshPath("number")
            let script = "sleep 100000 & echo $! > \(note).new; mv \(note).new \(note)"
            var command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
            command.descendants = .end
            let ended = try await launcher.launch(command, as: own)
            #expect(try await ended.exitReport().status == .exited(0))
            #expect(ProcessStart.time(of: try await Self.number(in: note)) == nil)
            let (terminated, descendant) = try await Self.busy(launcher, as: own)
            _ = try await terminated.terminate(gracePeriod: .zero)
            #expect(ProcessStart.time(of: descendant) == nil)
            for child in children {
                var status: Int32 = 0
                #expect(unsafe waitpid(child, &status, WNOHANG) == 0, "it has ended with status \(status)")
                #expect(kill(child, SIGKILL) == 0)
                #expect(unsafe waitpid(child, &status, 0) == child)
            }
        }
    }

    /// Starts a process as any part of a daemon does.
    private static func spawn(_ words: String...) throws -> pid_t {
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
        }
        var process: pid_t = 0
        try #require(unsafe posix_spawn(&process, words[0], nil, nil, &arguments, environ) == 0)
        return process
    }
}
