import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

@testable import RenderWorker

@Suite("A worker at its spool")
struct WorkerTests {
    private static let ended = Result<ExitReport, LaunchError>.success(ExitReport(status: .exited(0)))

    @Test func `runs everything that is there, the bad files too`() async throws {
        let fixture = try WorkerFixture()
        let worker = try fixture.worker()
        for number in 0..<5 { try fixture.submit("job\(number)") }
        try fixture.submit("broken", "{")
        try fixture.submit("refused", owner: 999)
        try await worker.run(once: true)
        #expect(try fixture.results(in: .done).count == 5)
        #expect(try fixture.results(in: .bad).map(\.result.file) == ["broken"])
        #expect(try fixture.results(in: .refused).map(\.result.file) == ["refused"])
        #expect(try fixture.scratch.names(in: fixture.spoolPath.appending("new")).isEmpty)
        #expect(try fixture.scratch.names(in: fixture.spoolPath.appending("running")).isEmpty)
    }

    @Test(arguments: [1, 2, 3])
    func `never runs more jobs at a time than it may`(limit: Int) async throws {
        let processes = (0..<6).map { _ in ScriptedProcess() }
        let fixture = try WorkerFixture(script: processes.map { .runs($0) })
        let worker = try fixture.worker(limit: limit)
        for number in 0..<6 { try fixture.submit("job\(number)") }
        async let end: Void = worker.run(once: true)
        var launches = fixture.launcher.announcements.makeAsyncIterator()
        for ended in 0..<6 {
            while fixture.launcher.recorder.launches.count < min(6, ended + limit) { await launches.next() }
            #expect(fixture.launcher.recorder.launches.count == min(6, ended + limit))
            processes[ended].end(Self.ended)
        }
        try await end
        #expect(try fixture.results(in: .done).count == 6)
    }

    @Test func `takes up what comes in while it waits`() async throws {
        let fixture = try WorkerFixture()
        let worker = try fixture.worker()
        async let end: Void = worker.run()
        var launches = fixture.launcher.announcements.makeAsyncIterator()
        for number in 0..<3 {
            try fixture.submit("job\(number)")
            await launches.next()
        }
        worker.stop()
        try await end
        #expect(try fixture.results(in: .done).count == 3)
    }

    @Test func `told to end, it takes no new job and waits for those that run`() async throws {
        let process = ScriptedProcess()
        let fixture = try WorkerFixture(script: [.runs(process)])
        let worker = try fixture.worker(limit: 1)
        for number in 0..<3 { try fixture.submit("job\(number)") }
        async let end: Void = worker.run()
        var launches = fixture.launcher.announcements.makeAsyncIterator()
        await launches.next()
        worker.stop()
        #expect(process.signals.isEmpty)
        process.end(Self.ended)
        try await end
        #expect(fixture.launcher.recorder.launches.count == 1)
        #expect(try fixture.results(in: .done).count == 1)
        #expect(try fixture.scratch.names(in: fixture.spoolPath.appending("new")).count == 2)
    }

    @Test func `told to end at once, it kills what runs, and what is being started`() async throws {
        let running = RunningJobs()
        let identity = try await ExecutionIdentity.forTesting(account: .forTesting("alice", uid: 2001))
        let (early, late) = (ScriptedProcess(), ScriptedProcess())
        func launched(_ process: ScriptedProcess) -> LaunchedProcess {
            LaunchedProcess(
                identity: identity,
                report: LaunchReport(backend: .setuid, processID: ProcessID(rawValue: 1), workingDirectory: "/"),
                control: process
            )
        }
        running.add(launched(early), of: JobID())
        #expect(running.end(within: .zero) == 1)
        running.add(launched(late), of: JobID())
        for process in [early, late] {
            while process.signals.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
            #expect(process.signals == [.terminate])
            process.end(Self.ended)
        }
    }

    @Test func `clears up after a worker that died before it begins`() async throws {
        let fixture = try WorkerFixture()
        let id = JobID()
        _ = try Spool(fixture.spoolPath)
        try fixture.scratch.write("{}", to: fixture.spoolPath.appending("running/\(id).job"), owner: 2001)
        try await fixture.worker().run(once: true)
        let failed = try #require(try fixture.results(in: .failed).first)
        #expect(failed.result.id == id.description)
        #expect(failed.result.message == "the worker ended while the job ran")
        #expect(fixture.launcher.recorder.launches.isEmpty)
    }
}
