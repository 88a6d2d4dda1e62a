import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("What the processes of a job may use together", .testBed, .controllers)
struct TreeLimitTests {
    /// All ways but that of a daemon which may do nothing but what sudo permits: whoever made its cgroup decides there.
    ///
    /// For cgroups one session of PAM is as good as another.
    private static let ways = LaunchWay.allCases.filter { ![.sudo, .shippedSession].contains($0) }

    /// Runs a body with a launcher whose jobs can have limits.
    ///
    /// A helper is in the group that is delegated to it, as a service manager starts it.
    private func withLauncher(
        _ way: LaunchWay,
        _ body: (any ProcessLauncher) async throws -> Void
    ) async throws {
        let unit = try Unit(for: way == .helperWithTwoCapabilities ? RunningHelper.account : 0)
        if let privileges = way.helper {
            let policy = ["peers = 0", "control-groups = \(unit.path)"] + way.policy
            let helper = try RunningHelper(privileges, policy: policy, in: unit.path)
            try await body(way.launcher(helper.socket))
            helper.stop()
        } else {
            let groups = try ControlGroups(below: unit.path)
            try await body(SetUIDLauncher(isolation: way == .direct ? .direct : .isolated, controlGroups: groups))
        }
        try await unit.remove()
    }

    private func group(of process: LaunchedProcess) throws -> FilePath {
        guard case .controlGroup(let path) = process.report.containment else {
            throw Missing(what: "the cgroup of the job")
        }
        return path
    }

    private struct Missing: Error {
        let what: String
    }

    @Test(
        "a fork bomb stays as small as its limit, keeps nobody from starting jobs, and is ended whole",
        arguments: Self.ways
    )
    func forkBomb(_ way: LaunchWay) async throws {
        try await withLauncher(way) { launcher in
            let person = try await TestBed.alice.identity
            var bomb = patient(
                Command(.path("/usr/bin/perl"), arguments: ["-e", "$SIG{TERM} = 'IGNORE'; fork while 1"])
            )
            bomb.treeLimits.processes = 20
            let process = try await launcher.launch(bomb, as: person)
            let group = try group(of: process)
            let deadline = ContinuousClock.now + ample
            // The kernel counts how often it has refused one more.
            while try !ProcFile.read(group.appending("pids.events")).contains(/max [1-9]\d/) {
                try #require(ContinuousClock.now < deadline)
                try await Task.sleep(for: .milliseconds(1))
            }
            let current = try ProcFile.read(group.appending("cgroup.procs")).split(separator: "\n").count
            #expect((15...20).contains(current))
            // Of the same account, too: the limit is the job's and not the account's.
            let other = try await run(Command(.path("/bin/echo"), arguments: ["started"]), as: person, launcher)
            #expect(other.text == "started\n")
            let report = try await process.terminate(gracePeriod: .milliseconds(50))
            #expect(report.status == .signaled(.kill))
            #expect(report.remainingProcesses == 0)
            while exists(group), ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(1)) }
            #expect(!exists(group))
        }
    }

    @Test(
        "whoever takes more memory than there is for the job ends the job, and not one process of it",
        arguments: Self.ways
    )
    func memory(_ way: LaunchWay) async throws {
        try await withLauncher(way) { launcher in
            var command = Command(
                .path("/bin/sh"),
                arguments: ["-c", "echo before; perl -e '$x = qq(x) x (24 << 20); print qq(got it)'; echo after"]
            )
            command.treeLimits.memoryBytes = 16 << 20
            let result = try await run(command, as: TestBed.alice.identity, launcher)
            #expect(result.exit.status == .signaled(.kill))
            #expect(result.text == "before\n")
            // Since Linux 5.19.
            let peak = try #require(result.exit.treePeaks?.memoryBytes)
            #expect((8 << 20...16 << 20).contains(peak))
            command.treeLimits.memoryBytes = 100 << 20
            let enough = try await run(command, as: TestBed.alice.identity, launcher)
            #expect(enough.text == "before\ngot itafter\n")
            #expect(enough.exit.status == .exited(0))
        }
    }

    @Test("how many processes a job has had at once is told with its end", arguments: Self.ways)
    func processes(_ way: LaunchWay) async throws {
        try await withLauncher(way) { launcher in
            for count in [1, 20] {
                // All of them are there before the first one ends.
                let command = Command(
                    .path("/bin/sh"),
                    arguments: ["-c", "for i in $(seq \(count)); do cat <&3 & done; exec 3<&-; wait"]
                )
                let ends = try FileDescriptor.pipe()
                var job = patient(command)
                job.treeLimits.processes = 100
                job.extraDescriptors = [ExtraDescriptor(name: "GATE", descriptor: ends.readEnd)]
                let process = try await launcher.launch(job, as: TestBed.alice.identity)
                try ends.readEnd.close()
                try await wait { try ProcFile.read(Self.members(of: process)).split(separator: "\n").count > count }
                try ends.writeEnd.close()
                // Since Linux 6.1, where there is a limit.
                let peak = try #require(try await process.exitReport().treePeaks?.processes)
                #expect((count + 1...count + 8).contains(Int(peak)))
            }
        }
    }

    /// The file that lists the processes of a job.
    private static func members(of process: LaunchedProcess) throws -> FilePath {
        guard case .controlGroup(let path) = process.report.containment else { throw Errno.noSuchFileOrDirectory }
        return path.appending("cgroup.procs")
    }

    @Test("a job of more weight gets more of a processor that two want", arguments: Self.ways)
    func weight(_ way: LaunchWay) async throws {
        try await withLauncher(way) { launcher in
            var command = patient(
                Command(.path("/usr/bin/taskset"), arguments: ["-c", "0", "/bin/sh", "-c", "while :; do :; done"])
            )
            var processes: [LaunchedProcess] = []
            for weight in [2_000, 20] {
                command.treeLimits.processorWeight = weight
                processes.append(try await launcher.launch(command, as: TestBed.alice.identity))
            }
            try await Task.sleep(for: .seconds(1))
            var used: [Duration] = []
            for process in processes {
                let report = try await process.terminate(gracePeriod: .zero)
                let usage = try #require(report.usage)
                used.append(usage.userTime + usage.systemTime)
            }
            // A hundred times as much by right; a start takes its time, too.
            #expect(used[0] > used[1] * 5, "\(used)")
        }
    }

    @Test("a job with a quota does not get more of an idle processor", arguments: Self.ways)
    func quota(_ way: LaunchWay) async throws {
        try await withLauncher(way) { launcher in
            var command = patient(Command(.path("/bin/sh"), arguments: ["-c", "while :; do :; done"]))
            command.treeLimits.processorQuota = 0.2
            let process = try await launcher.launch(command, as: TestBed.alice.identity)
            let group = try group(of: process)
            #expect(try ProcFile.read(group.appending("cpu.max")) == "20000 100000\n")
            var counts: [Substring: Int] = [:]
            let deadline = ContinuousClock.now + ample
            // The kernel counts the periods in which the job wanted to run, and those in which it had to stop.
            while counts["nr_throttled", default: 0] < 10 {
                try #require(ContinuousClock.now < deadline)
                try await Task.sleep(for: .milliseconds(5))
                for line in try ProcFile.read(group.appending("cpu.stat")).split(separator: "\n") {
                    let words = line.split(separator: " ")
                    if words.count == 2 { counts[words[0]] = Int(words[1]) }
                }
            }
            let used = try #require(counts["usage_usec"])
            let wanted = try #require(counts["nr_periods"]) * 100_000
            #expect(used > 0 && used < wanted / 2, "\(counts)")
            try await process.terminate(gracePeriod: .zero)
        }
    }

    /// Groups are killed by the daemon, by the helper as root, and by one that owns them and may kill nobody.
    @Test(
        "a job that may have next to nothing of the processor is ended as fast as any other",
        arguments: [LaunchWay.isolated, .helperAsRoot, .helperWithTwoCapabilities]
    )
    func endUnderQuota(_ way: LaunchWay) async throws {
        try await withLauncher(way) { launcher in
            // Each takes some of the processor to end, of which all together have a hundredth.
            let script =
                "$SIG{TERM} = 'IGNORE'; for (1..200) { fork or do { my $x = 'x' x (1 << 20); sleep while 1 } } sleep while 1"
            var command = patient(Command(.path("/usr/bin/perl"), arguments: ["-e", script]))
            command.treeLimits.processorQuota = 0.01
            let process = try await launcher.launch(command, as: TestBed.alice.identity)
            let group = try group(of: process)
            let limit = group.appending("cpu.max")
            #expect(try ProcFile.read(limit) == "1000 100000\n")
            // They would take long to begin as well.
            try writeFile("max", into: limit)
            let deadline = ContinuousClock.now + ample
            while try count(in: group) < 201 {
                try #require(ContinuousClock.now < deadline)
                try await Task.sleep(for: .milliseconds(5))
            }
            try writeFile("1000", into: limit)
            let report = try await process.terminate(gracePeriod: .zero)
            #expect(report.status == .signaled(.kill))
            // Those that are left ten seconds after their end are counted.
            #expect(report.remainingProcesses == 0)
        }
    }

    private func count(in group: FilePath) throws -> Int {
        try ProcFile.read(group.appending("cgroup.procs")).split(separator: "\n").count
    }

    private func writeFile(_ text: String, into path: FilePath) throws {
        let file = try FileDescriptor.open(path, .writeOnly)
        _ = try file.closeAfter { try file.writeAll(text.utf8) }
    }

    @Test("a quota is lifted by whoever kills a group, also where another process has made that")
    func lifting() async throws {
        let unit = try Unit()
        let parent = try ControlGroupParent(opening: unit.path)
        let made = try parent.makeGroup(ControlGroupLimits(processorQuotaMicroseconds: 1_000))
        let file = made.path.appending("cpu.max")
        let found = try parent.group(at: made.path)
        for group in [made, found] {
            try writeFile("1000", into: file)
            #expect(try ProcFile.read(file) == "1000 100000\n")
            group.kill()
            #expect(try ProcFile.read(file) == "max 100000\n")
        }
        made.remove()
        try await unit.remove()
    }

    /// What a unit hands down.
    private func controllers(of unit: Unit) throws -> [Substring] {
        try ProcFile.read(unit.path.appending("cgroup.subtree_control")).split(whereSeparator: \.isWhitespace)
    }

    @Test("needs a group without the daemon in it, which the daemon can leave")
    func leaving() async throws {
        let unit = try Unit()
        await #expect(processExitsWith: .success) { [path = unit.path.string as String] in
            let path = FilePath(path)
            try Unit.enter(path)
            let person = try await TestBed.alice.identity
            var command = Command(.path("/bin/cat"), arguments: ["/proc/self/cgroup"])
            let staying = SetUIDLauncher(controlGroups: try .belowThisProcess())
            #expect(try await run(command, as: person, staying).exit.status == .exited(0))
            command.treeLimits.processes = 5
            let error = try await launchError(command, as: person, staying)
            #expect(error.step == .createControlGroup)
            #expect(error.errno == .resourceBusy)
            #expect(
                error.message.contains("\(path), which it cannot hand down as long as processes are in it themselves")
            )
            for name in ["", "a/b", "..", "/"] {
                let error = #expect(throws: LaunchError.self) { try ControlGroups.belowThisProcess(leavingFor: name) }
                #expect(error?.message.contains("'\(name)' cannot be the name") == true)
            }
            // The second time it is there.
            for takesPrecedence in [false, true] {
                let groups = try ControlGroups.belowThisProcess(
                    leavingFor: "daemon",
                    takingPrecedence: takesPrecedence
                )
                #expect(groups.path == path)
                // Nobody has a weight before the controller is handed down.
                let weight = try? ProcFile.read(path.appending("daemon/cpu.weight"))
                #expect(weight == (takesPrecedence ? "10000\n" : nil))
                let own = try ProcFile.read("/proc/self/cgroup")
                #expect(own.hasSuffix("/daemon\n"))
                let result = try await run(command, as: person, SetUIDLauncher(controlGroups: groups))
                #expect(result.text.contains("\(path.lastComponent?.string ?? "-")/job-"))
            }
        }
        try await unit.remove()
    }

    @Test(
        "is given again by a helper that was started anew in the group that it had left",
        arguments: [SIGTERM, SIGKILL]
    )
    func restart(_ signal: Int32) async throws {
        let unit = try Unit()
        var command = Command(.path("/bin/cat"), arguments: ["/proc/self/cgroup"])
        command.treeLimits.processes = 5
        // With this one as well the kernel lets nobody into the group, who could take them back there.
        if signal == SIGTERM { command.treeLimits.memoryBytes = 64 << 20 }
        for _ in 1...3 {
            let policy = ["peers = 0", "control-groups = \(unit.path)"]
            let helper = try RunningHelper(policy: policy, in: unit.path)
            let launcher = SystemHelperLauncher(socket: helper.socket)
            let result = try await run(command, as: TestBed.alice.identity, launcher)
            #expect(result.text.contains("\(unit.path.lastComponent?.string ?? "-")/job-"), "\(helper.log)")
            // No job takes the processor from whoever ends it.
            #expect(try ProcFile.read(unit.path.appending("helper/cpu.weight")) == "10000\n")
            #expect(try controllers(of: unit).contains("pids"))
            helper.stop(signal)
            if signal == SIGTERM {
                #expect(try controllers(of: unit).isEmpty)
            }
            // As whoever starts it does: what is left of it is ended.
            while try !ProcFile.read(unit.path.appending("helper/cgroup.procs")).isEmpty {
                try await Task.sleep(for: .milliseconds(2))
            }
        }
        try await unit.remove()
    }

    @Test("is given by no helper whose jobs outlive it and that was started in their group: the next could not be")
    func keptJobs() async throws {
        let unit = try Unit()
        let policy = ["peers = 0", "control-groups = \(unit.path)", "when-daemon-ends = keep-allowed"]
        let helper = try RunningHelper(policy: policy, in: unit.path)
        #expect(helper.log.contains("jobs can have no limits in \(unit.path): the helper was started in it"))
        let launcher = SystemHelperLauncher(socket: helper.socket)
        var command = Command(.path("/bin/sleep"), arguments: ["100000"])
        command.daemonEnd = .goOn
        let kept = try await launcher.launch(patient(command), as: TestBed.alice.identity)
        var limited = Command(.path("/bin/true"))
        limited.treeLimits.processes = 5
        let error = try await launchError(limited, as: TestBed.alice.identity, launcher)
        #expect(error.step == .createControlGroup)
        #expect(error.errno == .resourceBusy)
        helper.stop()
        let next = try RunningHelper(policy: policy, in: unit.path)
        #expect(try await !kept.terminate(gracePeriod: .zero).status.isSuccess)
        next.stop()
        try await unit.remove()
    }

    @Test("stays with the jobs of others in the same directory when a helper stops")
    func sharedDirectory() async throws {
        let unit = try Unit()
        let helper = try RunningHelper(policy: ["peers = 0", "control-groups = \(unit.path)"])
        var command = Command(.path("/bin/true"))
        command.treeLimits.processes = 5
        let result = try await run(
            command,
            as: TestBed.alice.identity,
            SystemHelperLauncher(socket: helper.socket)
        )
        #expect(result.exit.status == .exited(0))
        helper.stop()
        #expect(try controllers(of: unit).contains("pids"))
        try await unit.remove()
    }
}
