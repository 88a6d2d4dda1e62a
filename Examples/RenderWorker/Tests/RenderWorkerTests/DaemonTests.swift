import Glibc
import SystemPackage
import Testing

@testable import RenderWorker

/// Runs the built program with accounts of the test bed.
@Suite("The program, from start to end", .serialized)
struct DaemonTests {
    private let scratch: ScratchFolder

    init() throws {
        scratch = try ScratchFolder()
    }

    private func submit(_ name: String, _ script: String, to spool: FilePath) throws {
        try scratch.submit(name, script, to: spool)
    }

    /// Makes a FIFO at which a job of alice waits until the test opens it.
    private func makeGate() throws -> FilePath {
        let gate = scratch.path.appending("gate")
        try ScratchFolder.check(unsafe gate.withPlatformString { unsafe mkfifo($0, 0o600) })
        try ScratchFolder.check(unsafe gate.withPlatformString { unsafe chown($0, 2001, 2001) })
        return gate
    }

    private func openGate(_ gate: FilePath) throws {
        try FileDescriptor.open(gate, .writeOnly).close()
    }

    private func processID(in line: String) throws -> Int32 {
        try #require(line.firstMatch(of: #/pid=([0-9]+)/#).flatMap { Int32($0.1) })
    }

    @Test func `a job runs as its submitter and its log belongs to him`() async throws {
        let daemon = try Daemon(in: scratch)
        _ = try await daemon.line(containing: "ready")
        try submit("job", "id; exit 3", to: daemon.spool)
        _ = try await daemon.line(containing: "done:")
        daemon.send(SIGTERM)
        #expect(await daemon.end() == 0)
        let report = try #require(try JobReport.read(daemon.spool).first)
        #expect(report.folder == .done)
        #expect(report.result.exited == 3)
        #expect(report.logOwner == UserID(rawValue: 2001))
        #expect(report.identity?.user.number == 2001)
        #expect(Set(report.identity?.groups.map(\.number) ?? []) == [2001, 3001, 3002])
        #expect(report.verdict == .agreement)
    }

    @Test func `no job can make the report cry contradiction`() async throws {
        let daemon = try Daemon(in: scratch)
        _ = try await daemon.line(containing: "ready")
        try submit("liar", "echo 'uid=0(root) gid=0(root) groups=0(root)'", to: daemon.spool)
        _ = try await daemon.line(containing: "done:")
        try submit("shredder", "rm \(daemon.logs)/*.log", to: daemon.spool)
        _ = try await daemon.line(containing: "done:")
        daemon.send(SIGTERM)
        #expect(await daemon.end() == 0)
        let reports = try JobReport.read(daemon.spool)
        #expect(reports.map(\.result.exited) == [0, 0])
        #expect(try scratch.names(in: daemon.logs).isEmpty)
        #expect(!reports.contains { $0.verdict == .contradiction })
    }

    @Test func `the first signal lets running jobs end and takes no new one`() async throws {
        let daemon = try Daemon(in: scratch)
        let gate = try makeGate()
        _ = try await daemon.line(containing: "ready")
        try submit("running", "cat \(gate); echo through", to: daemon.spool)
        _ = try await daemon.line(containing: "runs as alice")
        daemon.send(SIGINT)
        _ = try await daemon.line(containing: "stopping: no new job")
        try submit("late", "echo late", to: daemon.spool)
        try openGate(gate)
        #expect(await daemon.end() == 0)
        let reports = try JobReport.read(daemon.spool)
        #expect(reports.map(\.result.file) == ["running"])
        #expect(reports.first?.result.exited == 0)
        #expect(try scratch.names(in: daemon.spool.appending("new")) == ["late"])
    }

    @Test func `what ran when a worker was killed has failed for the next one`() async throws {
        let gate = try makeGate()
        do {
            let daemon = try Daemon(in: scratch)
            _ = try await daemon.line(containing: "ready")
            try submit("running", "exec cat \(gate)", to: daemon.spool)
            let job = try processID(in: await daemon.line(containing: "runs as alice"))
            daemon.send(SIGKILL)
            kill(job, SIGKILL)
            #expect(await daemon.end() == -SIGKILL)
        }
        let next = try Daemon(in: scratch)
        _ = try await next.line(containing: "the worker ended while the job ran")
        _ = try await next.line(containing: "ready")
        next.send(SIGTERM)
        #expect(await next.end() == 0)
        let reports = try JobReport.read(next.spool)
        #expect(reports.map(\.folder) == [.failed])
        #expect(reports.first?.result.message == "the worker ended while the job ran")
        #expect(reports.first?.result.owner == 2001)
    }
}
