import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

/// Jobs without a cgroup, so that nobody but the process of the helper that looks after one knows what it has started.
@Suite("What a job has started", .testBed)
struct HelperDescendantTests {
    /// A job of three processes: one in the background, one in a session of its own, and the first one.
    private struct Family {
        private let background = freshPath("background")
        private let elsewhere = freshPath("elsewhere")
        /// Whether all of them ignore `SIGTERM`.
        var isDeaf = false

        var command: Command {
            func child(_ note: FilePath) -> String {
                "'echo $$ > \(note).new; mv \(note).new \(note); exec sleep 100000'"
            }
            let script = """
                \(isDeaf ? "trap '' TERM" : "")
                sh -c \(child(background)) & setsid sh -c \(child(elsewhere)) &
                exec sleep 100000
                """
            return patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
        }

        /// Waits until those that the first process has started are there.
        func descendants() async throws -> [Int32] {
            var found: [Int32] = []
            for note in [background, elsewhere] {
                try await wait { exists(note) }
                found.append(try #require(Int32(try ProcFile.read(note).prefix { $0 != "\n" })))
            }
            return found
        }
    }

    private func isGone(_ process: Int32) async throws -> Bool {
        try await isSoon(within: ample) { ProcessStart.time(of: process) == nil }
    }

    @Test(
        "ends with the helper that is killed, as the job does",
        arguments: [RunningHelper.Privileges.root, .packaged, .packagedWithoutKill, .twoCapabilities]
    )
    func helperIsKilled(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(privileges, policy: ["peers = 0"])
        let launcher = SystemHelperLauncher(
            socket: helper.socket,
            helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
        )
        let (family, deaf) = (Family(), Family(isDeaf: true))
        let process = try await launcher.launch(family.command, as: TestBed.alice.identity)
        let stubborn = try await launcher.launch(deaf.command, as: TestBed.bob.identity)
        let all = try await family.descendants() + deaf.descendants()
        // A signal as the account takes the death signal back, were it not set again.
        for job in [process, stubborn] { try job.send(.resume, to: .tree) }
        let monitors = try [process, stubborn].map { try ProcessStat(of: $0.processID.rawValue).parent }
        let waiting = helper.monitors.filter { !monitors.contains($0) }
        helper.stop(SIGKILL)
        for monitor in waiting { #expect(try await isGone(monitor)) }
        // Their processes of the helper still tell how they have ended.
        #expect(try await process.exitReport().status == .signaled(.terminate, coreDumped: false))
        #expect(try await stubborn.exitReport().status == .signaled(.kill, coreDumped: false))
        for number in all + monitors { #expect(try await isGone(number), "process \(number) has been left") }
    }

    @Test(
        "is not begun by a launch whose helper is killed meanwhile, and the daemon is told that the helper is lost",
        arguments: [LaunchWay.helperAsRoot, .helperWithTwoCapabilities],
        [DaemonEndPolicy.end, .goOn]
    )
    func helperIsKilledMeanwhile(_ way: LaunchWay, _ end: DaemonEndPolicy) async throws {
        let helper = try RunningHelper(
            try #require(way.helper),
            policy: way.policy + ["peers = 0", "when-daemon-ends = keep-allowed"]
        )
        let launcher = way.launcher(helper.socket)
        let held = try HeldLaunch(of: TestBed.alice.userID)
        let person = try await TestBed.alice.identity
        let launch = Task {
            var command = held.command
            command.daemonEnd = end
            return try await launchError(command, as: person, launcher)
        }
        let child = try await held.child()
        helper.stop(SIGKILL)
        let error = try await launch.value
        #expect(error.code == .helperLost, "\(error)")
        #expect(try await isSoon { ProcessStart.time(of: child) == nil })
        #expect(!held.hasRun)
        try held.letGo()
    }

    @Test(
        "goes on when the process of the helper is killed that knew it, and nobody says anything else",
        arguments: RunningHelper.Privileges.allCases
    )
    func monitorIsKilled(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(privileges, policy: ["peers = 0"])
        let launcher = SystemHelperLauncher(
            socket: helper.socket,
            helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
        )
        let family = Family()
        let process = try await launcher.launch(family.command, as: TestBed.alice.identity)
        let number = process.processID.rawValue
        let descendants = try await family.descendants()
        #expect(kill(try ProcessStat(of: number).parent, SIGKILL) == 0)
        let error = await #expect(throws: LaunchError.self) { try await process.exitReport() }
        #expect(error?.code == .helperLost)
        let isRoot = privileges == .root
        #expect((ProcessStart.time(of: number) == nil) == isRoot)
        #expect(error?.message.contains("what that has started may go on") == isRoot, "\(error)")
        #expect(error?.message.contains("(`ps -s \(number)`)") == isRoot, "\(error)")
        let words =
            isRoot
            ? "the first process of its job is ended; what that has started may go on"
            : "its job may go on, because the helper has no CAP_KILL"
        try await wait { helper.log.contains(words) }
        for left in descendants + (isRoot ? [] : [number]) { #expect(kill(left, SIGKILL) == 0) }
        for left in descendants + [number] { #expect(try await isGone(left)) }
    }

    @Test("ends with the process of the helper that is killed where the job has a cgroup", .controlGroups)
    func monitorIsKilledBesideGroup() async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "control-groups = \(TestBed.controlGroups)"])
        let family = Family()
        let process = try await helper.launcher.launch(family.command, as: TestBed.alice.identity)
        let descendants = try await family.descendants()
        #expect(kill(try ProcessStat(of: process.processID.rawValue).parent, SIGKILL) == 0)
        let error = await #expect(throws: LaunchError.self) { try await process.exitReport() }
        #expect(error?.message.contains("the job was ended with it") == true, "\(error)")
        for number in descendants { #expect(try await isGone(number)) }
        try await wait { helper.log.contains("; its job is ended") }
    }

    @Test(
        "ends also where the process of the helper that knew it is killed once the next helper is there",
        .controlGroups
    )
    func monitorIsKilledUnderTheNextHelper() async throws {
        let policy = ["peers = 0", "control-groups = \(TestBed.controlGroups)"]
        let helper = try RunningHelper(policy: policy)
        let family = Family()
        let process = try await helper.launcher.launch(family.command, as: TestBed.alice.identity)
        guard case .controlGroup(let group) = process.report.containment else {
            Issue.record("the job has no cgroup")
            return
        }
        let descendants = try await family.descendants()
        let monitor = try ProcessStat(of: process.processID.rawValue).parent
        // As in the time that it gives the job to end by itself, however long that is.
        try await KeptSessionProcesses.stop([monitor])
        helper.stop(SIGKILL)
        let next = try RunningHelper(policy: policy)
        // It has looked for what is left.
        try await wait { !next.monitors.isEmpty }
        for number in descendants { #expect(ProcessStart.time(of: number) != nil) }
        #expect(kill(monitor, SIGKILL) == 0)
        for number in descendants {
            #expect(try await isSoon(within: .seconds(60)) { ProcessStart.time(of: number) == nil })
        }
        // What was killed takes a moment, and the group is removed all the same.
        #expect(try await isSoon(within: .seconds(60)) { !exists(group) })
        #expect(next.log.contains("the processes in \(group), whose process of the helper has ended, were killed"))
    }
}
