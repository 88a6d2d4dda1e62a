import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("A job of an account that others have jobs of", .testBed)
struct LurkerTests {
    /// A job that starts a process of its own and stays, and the number of that process.
    private static func busy(_ launcher: SetUIDLauncher) async throws -> (LaunchedProcess, pid_t) {
        let note = freshPath("number")
        let script = "sleep 100000 & echo $! > \(note).new; mv \(note).new \(note); wait"
        let process = try await launcher.launch(
            patient(Command(.path("/bin/sh"), arguments: ["-c", script])),
            as: TestBed.alice.identity
        )
        return (process, try await number(in: note))
    }

    private static func number(in note: FilePath) async throws -> pid_t {
        let patience = ContinuousClock.now + ample
        while !exists(note), ContinuousClock.now < patience { try await Task.sleep(for: .milliseconds(2)) }
        return try #require(pid_t(ProcFile.read(note).split(separator: "\n").first ?? ""))
    }

    private static func expectOneEnd(of launcher: SetUIDLauncher, _ end: DescendantPolicy) async throws {
        let (first, child) = try await busy(launcher)
        let (other, otherChild) = try await busy(launcher)
        var command = patient(Command(.path("/bin/true")))
        command.descendants = end
        let short = try await launcher.launch(command, as: TestBed.alice.identity)
        #expect(try await short.exitReport().status == .exited(0))
        #expect(ProcessStart.time(of: child) != nil)
        _ = try await first.terminate(gracePeriod: .zero)
        #expect(ProcessStart.time(of: child) == nil)
        #expect(ProcessStart.time(of: otherChild) != nil)
        #expect(ProcessStart.time(of: other.processID.rawValue) != nil)
        _ = try await other.terminate(gracePeriod: .zero)
        #expect(ProcessStart.time(of: otherChild) == nil)
    }

    @Test(
        "ends with what it has started, and leaves what theirs have started alone",
        arguments: [DescendantPolicy.goOn, .end]
    )
    func others(_ end: DescendantPolicy) async throws {
        try await Self.expectOneEnd(of: SetUIDLauncher(), end)
    }

    @Test(
        "does so, too, where jobs have cgroups",
        .controlGroups,
        arguments: [DescendantPolicy.goOn, .end]
    )
    func othersInGroups(_ end: DescendantPolicy) async throws {
        let groups = try ControlGroups(below: TestBed.controlGroups)
        try await Self.expectOneEnd(of: SetUIDLauncher(controlGroups: groups), end)
    }

    @Test(
        "leaves no daemon of its own that waits for the next one, where jobs have cgroups and end as a whole",
        .controlGroups
    )
    func lurker() async throws {
        let launcher = SetUIDLauncher(controlGroups: try ControlGroups(below: TestBed.controlGroups))
        let note = freshPath("number")
        // As daemon(3) does it: neither its session nor its parent lead back to the job, and it hears of nothing.
        let daemonise =
            "setsid sh -c '(trap \"\" TERM HUP INT; echo $$ >/dev/null; "
            + "sh -c \"echo \\$PPID > \(note).new; mv \(note).new \(note)\"; while :; do sleep 0.05; done) & exit' & wait; "
            + "until [ -e \(note) ]; do sleep 0.01; done; exit 5"
        var command = patient(Command(.path("/bin/sh"), arguments: ["-c", daemonise]))
        command.descendants = .end
        let process = try await launcher.launch(command, as: TestBed.alice.identity)
        let report = try await process.exitReport()
        #expect(report.status == .exited(5))
        #expect(report.remainingProcesses == 0)
        let lurker = try await Self.number(in: note)
        #expect(ProcessStart.time(of: lurker) == nil)

        // What goes on unless that is asked for can be ended all the same.
        command.descendants = .goOn
        _ = unsafe unlink(note.string)
        let other = try await launcher.launch(command, as: TestBed.alice.identity)
        #expect(try await other.exitReport().status == .exited(5))
        let remaining = try await Self.number(in: note)
        #expect(ProcessStart.time(of: remaining) != nil)
        #expect(try await other.terminate(gracePeriod: .zero).remainingProcesses == 0)
        #expect(ProcessStart.time(of: remaining) == nil)
    }
}
