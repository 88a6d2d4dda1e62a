import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("An end that has come and is not told yet", .testBed)
struct UntoldEndTests {
    @Test(
        "is no matter of a time that is up, or of a task that is cancelled: the job is told as it ended, and what it left goes on",
        arguments: [JobEnding.timeout, .cancellation]
    )
    func session(_ ending: JobEnding) async throws {
        // The helper gives the module five seconds.
        let service = try PAMService(scripted: "close:hang=")
        let helper = try RunningHelper(policy: service.policy + ["when-daemon-ends = keep-allowed"])
        let left = freshPath("left")
        let script = "sleep 1000 & echo $! > \(left).new; mv \(left).new \(left); exit 3"
        var command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
        // What it leaves behind may stay.
        command.daemonEnd = .goOn
        let process = try await PAMLauncher(helper, service).launch(command, as: TestBed.alice.identity)
        while process.isRunning { try await Task.sleep(for: .milliseconds(1)) }
        let waiting = Task {
            while ending == .cancellation, !Task.isCancelled { await Task.yield() }
            return try await process.exitReport(
                terminatingAfter: ending == .timeout ? .zero : nil,
                gracePeriod: .zero
            )
        }
        if ending == .cancellation { waiting.cancel() }
        let report = try await waiting.value
        #expect(report.status == .exited(3))
        #expect(report.interruption == nil)
        #expect(report.remainingProcesses == 0)
        let sleeper = try #require(Int32(ProcFile.read(left).filter(\.isNumber)))
        #expect(kill(sleeper, SIGKILL) == 0)
    }

    @Test("is not brought about by the end of a tracer that holds it back")
    func tracer() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.isolated)
            let command = Command(.path(FilePath(TestBed.probe)), arguments: ["--leave-tracer"])
            let process = try await SetUIDLauncher().launch(patient(command), as: person)
            while process.isRunning { try await Task.sleep(for: .milliseconds(1)) }
            let error = await #expect(throws: LaunchError.self) {
                try await process.exitReport(terminatingAfter: .zero, gracePeriod: .zero)
            }
            #expect(error?.code == .statusLost)
            #expect(error?.interruption == nil)
            try process.send(.kill, to: .group)
            while hasChildren() { try await Task.sleep(for: .milliseconds(5)) }
        }
    }

    // A shell of the account, which may do what it likes behind the job.
    @Test("is none as long as a shell of the profile goes on behind sudo: it is ended with the job", .controlGroups)
    func shell() async throws {
        let note = freshPath("shell")
        let profile = try AccountProfile("trap 'echo $$ > \(note).new; mv \(note).new \(note); sleep 100000' EXIT\n")
        await #expect(processExitsWith: .success) { [note = note.string as String] in
            let groups = try SudoWay.controlGroup.becomeDaemon().controlGroups
            let launcher = SudoLauncher.ofTheBed(profile: .login, controlGroups: groups, signalsThroughSudo: false)
            let job = try await launcher.launch(patient(Command(.path("/bin/true"))), as: TestBed.alice.identity)
            while (try? ProcFile.read(FilePath(note)))?.isEmpty ?? true { try await Task.sleep(for: .milliseconds(5)) }
            #expect(job.isRunning)
            let report = try await job.exitReport(terminatingAfter: .zero, gracePeriod: .zero)
            #expect(report.interruption == .timeout)
            #expect(report.remainingProcesses == 0)
            let shell = try #require(Int32(ProcFile.read(FilePath(note)).filter(\.isNumber)))
            #expect(ProcessStart.time(of: shell) == nil)
        }
        profile.remove()
    }
}
