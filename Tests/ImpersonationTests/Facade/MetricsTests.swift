import CollectedLog
import Impersonation
import ImpersonationTesting
import Logging
import Metrics
import MetricsTestKit
import SystemPackage
import Testing

@Suite("What an Impersonator lets its host watch")
struct MetricsTests {
    private let metrics = TestMetrics()
    private let log = CollectingLog()
    private let command = Command(.path("/usr/bin/render"), arguments: ["canary-in-an-argument"])

    private func impersonator(
        _ answer: ScriptedResolver.Answer,
        audit: RecordingAuditLog = RecordingAuditLog(),
        launcher: RecordingLauncher = RecordingLauncher()
    ) -> Impersonator {
        Impersonator(
            resolver: ScriptedResolver([answer]),
            launcher: launcher,
            audit: audit,
            logger: log.logger,
            metrics: metrics
        )
    }

    private func identity() async throws -> ScriptedResolver.Answer {
        .resolves(.identity(try await Sample.identity(), because: Sample.why))
    }

    /// The values of the counter of launches by its dimensions `backend/outcome/step`.
    private var launches: [String: Int64] {
        Dictionary(
            uniqueKeysWithValues: metrics.counters(label: "impersonation.launches")
                .map { ($0.dimensions.map(\.1).joined(separator: "/"), $0.totalValue) }
        )
    }

    private func running() throws -> Double? {
        try metrics.expectMeter("impersonation.jobs.running", [("backend", "setuid")]).lastValue
    }

    @Test("a job counts as started, as running until it has ended, and its times are measured")
    func start() async throws {
        let (first, second) = (ScriptedProcess(), ScriptedProcess())
        let launcher = RecordingLauncher(script: [.runs(first), .runs(second)])
        let impersonator = Impersonator(
            resolver: ScriptedResolver([try await identity(), try await identity()]),
            launcher: launcher,
            audit: RecordingAuditLog(),
            metrics: metrics
        )
        let jobs = [
            try #require(try await impersonator.launch(command, for: Sample.request).process),
            try #require(try await impersonator.launch(command, for: Sample.request).process),
        ]
        #expect(launches == ["setuid/started/none": 2])
        #expect(try running() == 2)
        #expect(try metrics.expectTimer("impersonation.launch.duration", [("backend", "setuid")]).values.count == 2)

        let usage = ResourceUsage(wallTime: .seconds(2), userTime: .zero, systemTime: .zero, peakResidentBytes: nil)
        first.end(.success(ExitReport(status: .exited(0), usage: usage)))
        _ = try await jobs[0].exitReport()
        #expect(try running() == 1)
        second.end(.success(ExitReport(status: .signaled(.kill))))
        _ = try await jobs[1].exitReport()
        #expect(try running() == 0)
        let success = [("backend", "setuid"), ("end", "success")]
        #expect(try metrics.expectTimer("impersonation.job.duration", success).values == [2_000_000_000])
        let signal = [("backend", "setuid"), ("end", "signal")]
        #expect(try metrics.expectTimer("impersonation.job.duration", signal).values.count == 1)
    }

    @Test("a job whose status was lost does not run for ever")
    func lost() async throws {
        let process = ScriptedProcess()
        let impersonator = impersonator(try await identity(), launcher: RecordingLauncher(script: [.runs(process)]))
        let job = try #require(try await impersonator.launch(command, for: Sample.request).process)
        process.end(.failure(LaunchError(.statusLost, step: .wait, message: "taken by somebody else")))
        await #expect(throws: LaunchError.self) { try await job.exitReport() }
        #expect(try running() == 0)
        let unknown = [("backend", "setuid"), ("end", "unknown")]
        #expect(try metrics.expectTimer("impersonation.job.duration", unknown).values.count == 1)
    }

    @Test("a denial and a badlogin count as what they are")
    func refusals() async throws {
        _ = try await impersonator(.resolves(.denied(Sample.denial, because: Sample.why)))
            .launch(command, for: Sample.request)
        _ = try await impersonator(.resolves(.badLogin(Sample.badLogin, because: Sample.why)))
            .launch(command, for: Sample.request)
        #expect(launches == ["none/denied/none": 1, "none/badlogin/none": 1])
        #expect(metrics.meters.isEmpty)
        #expect(log.lines.map(\.message) == ["A job was denied", "A job has no usable login"])
        #expect(log.lines.map { $0.metadata["reason"] } == ["superuser", "credentialRejected"])
        #expect(log.lines.allSatisfy { $0.metadata["login"] == "alice" && $0.metadata["requested"] == "bob" })
        #expect(log.lines.allSatisfy { $0.metadata["remote_address"] == "192.0.2.7" && $0.level == .debug })
    }

    @Test("a failure counts with the step that failed, or with the stage that was before any")
    func failures() async throws {
        let failed = LaunchError(.stepFailed, step: .groups, errno: .notPermitted, message: "CAP_SETGID is missing")
        let undecided = ResolutionError(.directoryUnavailable, message: "it is down", explanation: Sample.why)
        let cases = [
            impersonator(try await identity(), launcher: RecordingLauncher(script: [.fails(failed)])),
            impersonator(.fails(undecided)),
            impersonator(try await identity(), audit: RecordingAuditLog(refusing: [.decision])),
        ]
        for impersonator in cases {
            await #expect(throws: ImpersonationError.self) {
                try await impersonator.launch(command, for: Sample.request)
            }
        }
        #expect(
            launches == [
                "setuid/failed/groups": 1, "none/failed/resolutionFailed": 1, "setuid/failed/auditFailed": 1,
            ]
        )
        #expect(log.lines.map(\.message) == Array(repeating: "A job could not be started", count: 3))
        let first = try #require(log.lines.first).metadata
        #expect(first["step"] == "groups" && first["errno"] == "1" && first["account"] == "alice")
    }

    @Test("ending a job counts once for each way, and not once it has ended")
    func kills() async throws {
        let process = ScriptedProcess()
        let impersonator = impersonator(try await identity(), launcher: RecordingLauncher(script: [.runs(process)]))
        let job = try #require(try await impersonator.launch(command, for: Sample.request).process)
        try job.send(.interrupt)
        try job.send(.kill)
        try job.send(.kill, to: .group)
        #expect(metrics.counterTotal(label: "impersonation.kills") == 1)
        process.end(.success(ExitReport(status: .signaled(.kill))))
        _ = try await job.exitReport()
        _ = try await job.terminate(gracePeriod: .zero)
        #expect(metrics.counterTotal(label: "impersonation.kills") == 1)
        let dimensions = [("backend", "setuid"), ("request", "kill")]
        #expect(try metrics.expectCounter("impersonation.kills", dimensions).totalValue == 1)
    }

    @Test("start and end are logged with whom, what and how")
    func logged() async throws {
        let process = ScriptedProcess()
        let impersonator = impersonator(try await identity(), launcher: RecordingLauncher(script: [.runs(process)]))
        let job = try #require(try await impersonator.launch(command, for: Sample.request).process)
        process.end(.success(ExitReport(status: .exited(7))))
        _ = try await job.exitReport()
        try #require(log.lines.map(\.message) == ["A job was started", "A job has ended"])
        let (start, end) = (log.lines[0].metadata, log.lines[1].metadata)
        for metadata in [start, end] {
            #expect(metadata["account"] == "alice" && metadata["uid"] == "2001")
            #expect(metadata["pid"] == "1" && metadata["backend"] == "setuid")
        }
        #expect(start["login"] == "alice" && start["mode"] == "user" && start["executable"] == "/usr/bin/render")
        #expect(end["exited"] == "7" && end["wall_seconds"] != nil)
    }

    @Test("nothing a stranger sent reaches a terminal, and no argument reaches the log")
    func escaped() async throws {
        let impersonator = impersonator(.resolves(.denied(Sample.denial, because: Sample.why)))
        _ = try await impersonator.launch(command, for: ExecutionRequest(login: "al\u{1B}[2Jice\nroot"))
        let line = try #require(log.lines.first)
        #expect(line.metadata["login"] == #"al\u001b[2Jice\u000aroot"#)
        #expect(!line.metadata.values.contains { $0.contains("canary") })
    }

    @Test("no dimension tells on anybody, whatever becomes of a request")
    func dimensions() async throws {
        let running = ScriptedProcess()
        let failed = LaunchError(.stepFailed, step: .execute, errno: .noSuchFileOrDirectory, message: "/usr/bin/render")
        let launcher = RecordingLauncher(script: [.runs(running), .fails(failed)])
        let job = try await impersonator(try await identity(), launcher: launcher).launch(command, for: Sample.request)
        try job.process?.send(.kill)
        running.end(.success(ExitReport(status: .signaled(.kill))))
        _ = try await job.process?.exitReport()
        await #expect(throws: ImpersonationError.self) {
            try await impersonator(try await identity(), launcher: launcher).launch(command, for: Sample.request)
        }
        _ = try await impersonator(.resolves(.denied(Sample.denial, because: Sample.why)))
            .launch(command, for: Sample.request)
        let dimensions =
            metrics.counters.flatMap(\.dimensions) + metrics.meters.flatMap(\.dimensions)
            + metrics.timers.flatMap(\.dimensions)
        #expect(!dimensions.isEmpty)
        #expect(Set(dimensions.map(\.0)) == ["backend", "outcome", "step", "end", "request"])
        let personal = ["alice", "bob", "2001", "render", "/", "192.0.2.7", "canary"]
        #expect(!dimensions.contains { dimension in personal.contains { dimension.1.contains($0) } })
    }
}
