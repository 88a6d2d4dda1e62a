import Foundation
import SystemPackage
import Testing

@testable import RenderWorker

/// Ends the built program while jobs of the test bed run.
@Suite("The program, told to end", .serialized)
struct ShutdownTests {
    private let scratch: ScratchFolder

    init() throws {
        scratch = try ScratchFolder()
    }

    /// A job that does not end by itself, with a child in a session of its own; each names the folder of the test.
    private func endless(deaf: Bool) -> String {
        let loop = "while [ -d \(scratch.path) ]; do sleep 0.05; done"
        let trap = deaf ? "trap '' TERM; " : ""
        return "\(trap)setsid sh -c '\(deaf ? "trap : TERM; " : "")echo child; \(loop)' & \(loop)"
    }

    /// Starts the program with one job that runs, its child too.
    private func start(_ script: String, grace: Int) async throws -> Daemon {
        let daemon = try Daemon(in: scratch, grace: grace)
        _ = try await daemon.line(containing: "ready")
        try scratch.submit("running", script, to: daemon.spool)
        _ = try await daemon.line(containing: "runs as alice")
        while !(try scratch.names(in: daemon.logs).contains { try said("child", in: daemon.logs.appending($0)) }) {
            try await Task.sleep(for: .milliseconds(2))
        }
        return daemon
    }

    private func said(_ word: String, in log: FilePath) throws -> Bool {
        try String(contentsOfFile: log.string, encoding: .utf8).contains(word)
    }

    /// What is left of jobs: processes whose command line names the folder of the test.
    private func leftovers() throws -> [String] {
        let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }
        return
            numbers.compactMap { number in
                guard let bytes = FileManager.default.contents(atPath: "/proc/\(number)/cmdline") else { return nil }
                let command = String(decoding: bytes.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
                return command.hasPrefix("/bin/sh") || command.hasPrefix("sh ") ? command : nil
            }
            .filter { $0.contains(scratch.path.string) }
    }

    private func expectEnd(of daemon: Daemon, by signal: Int32) throws {
        let report = try #require(try JobReport.read(daemon.spool).first)
        #expect(report.folder == .done)
        #expect(report.result.signaled == signal)
        let audit = try String(contentsOfFile: daemon.audit.string, encoding: .utf8)
        let events = audit.split(separator: "\n").compactMap { $0.firstMatch(of: #/"event":"([a-z]+)"/#)?.1 }
        #expect(events == ["decision", "started", "ended"])
        #expect(audit.contains(#""status":{"signaled":\#(signal)}"#))
        let left = try leftovers()
        #expect(left == [], "\(left)")
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `a job that runs on is told to end after the grace period, and all of it does`(signal: Int32) async throws {
        let daemon = try await start(endless(deaf: false), grace: 1)
        daemon.send(signal)
        _ = try await daemon.line(containing: "stopping: no new job; 1 still run, for 1.0 seconds at most")
        try scratch.submit("late", "echo late", to: daemon.spool)
        _ = try await daemon.line(containing: "stopping: told 1 jobs to end")
        #expect(await daemon.end() == 0)
        try expectEnd(of: daemon, by: SIGTERM)
        #expect(try scratch.names(in: daemon.spool.appending("new")) == ["late"])
    }

    @Test func `a job that is deaf to SIGTERM is killed, and all of it is`() async throws {
        let daemon = try await start(endless(deaf: true), grace: 0)
        daemon.send(SIGTERM)
        _ = try await daemon.line(containing: "stopping: told 1 jobs to end")
        #expect(await daemon.end() == 0)
        try expectEnd(of: daemon, by: SIGKILL)
    }

    @Test func `the second signal ends everything at once`() async throws {
        let daemon = try await start(endless(deaf: true), grace: 3_600)
        daemon.send(SIGTERM)
        _ = try await daemon.line(containing: "stopping: no new job")
        daemon.send(SIGINT)
        _ = try await daemon.line(containing: "stopping: killed 1 jobs")
        #expect(await daemon.end() == 0)
        try expectEnd(of: daemon, by: SIGKILL)
    }

    @Test func `a worker without jobs ends at the first signal`() async throws {
        let daemon = try Daemon(in: scratch, grace: 3_600)
        _ = try await daemon.line(containing: "ready")
        daemon.send(SIGTERM)
        #expect(await daemon.end() == 0)
    }

    @Test func `what a job leaves in the background ends with it`() async throws {
        let mark = scratch.path.appending("logs/mark")
        let child = "(echo child >\(mark); while [ -d \(scratch.path) ]; do sleep 0.05; done) &"
        let daemon = try await start("\(child) until [ -s \(mark) ]; do :; done; exit 3", grace: 1)
        _ = try await daemon.line(containing: "done:")
        #expect(try leftovers() == [])
        daemon.send(SIGTERM)
        #expect(await daemon.end() == 0)
        #expect(try JobReport.read(daemon.spool).first?.result.exited == 3)
    }
}
