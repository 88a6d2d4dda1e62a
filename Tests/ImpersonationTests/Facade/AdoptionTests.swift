import CollectedLog
import Impersonation
import ImpersonationTesting
import MetricsTestKit
import SystemPackage
import Testing

@Suite("Impersonator: take over what an earlier daemon has launched")
struct AdoptionTests {
    private let audit = RecordingAuditLog()
    private let metrics = TestMetrics()
    private let log = CollectingLog()
    private let reference = JobReference(processID: 4_242, startTime: 1, bootID: "boot", userID: 2_001)

    private func impersonator(_ answer: ScriptedResolver.Answer, _ launcher: RecordingLauncher) -> Impersonator {
        Impersonator(
            resolver: ScriptedResolver([answer]),
            launcher: launcher,
            audit: audit,
            logger: log.logger,
            metrics: metrics
        )
    }

    /// The values of the counter by its dimensions `backend/outcome/step`.
    private var adoptions: [String: Int64] {
        Dictionary(
            uniqueKeysWithValues: metrics.counters(label: "impersonation.adoptions")
                .map { ($0.dimensions.map(\.1).joined(separator: "/"), $0.totalValue) }
        )
    }

    @Test("decision, the taking over and the end are written down, counted and logged")
    func wholeWay() async throws {
        let identity = try await Sample.identity()
        let running = ScriptedProcess()
        // One that needs a password to start a job takes one over without.
        let launcher = RecordingLauncher(requiresCredential: true, script: [.runs(running)])
        let outcome = try await impersonator(.resolves(.identity(identity, because: Sample.why)), launcher)
            .adopt(reference, for: Sample.request)
        let process = try #require(outcome.process)
        #expect(process.identity == identity)
        #expect(outcome.explanation == Sample.why)
        #expect(launcher.adoptions.map(\.reference) == [reference])
        #expect(launcher.adoptions.map(\.identity) == [identity])
        #expect(launcher.launches.isEmpty)
        #expect(audit.records.map(\.event) == [.decision, .adopted])
        let meter = try metrics.expectMeter("impersonation.jobs.running", [("backend", "setuid")])
        #expect(meter.lastValue == 1)

        running.end(.success(ExitReport(status: .exited(7))))
        #expect(try await process.exitReport().status == .exited(7))
        #expect(audit.records.map(\.event) == [.decision, .adopted, .ended])
        #expect(audit.records.allSatisfy { $0.processID == ProcessID(rawValue: 4_242) && $0.executable == nil })
        #expect(audit.records.allSatisfy { $0.request == Sample.request && $0.account == identity.account })
        #expect(audit.records.allSatisfy { $0.timings == nil && $0.backend == .setuid })
        #expect(audit.records.first?.rules == Sample.why.entries)
        #expect(audit.records.last?.status == .exited(7))
        #expect(adoptions == ["setuid/adopted/none": 1])
        #expect(metrics.counters(label: "impersonation.launches").isEmpty)
        #expect(meter.lastValue == 0)
        let failure = [("backend", "setuid"), ("end", "failure")]
        #expect(try metrics.expectTimer("impersonation.job.duration", failure).values.count == 1)
        #expect(log.lines.map(\.message) == ["A job was taken over", "A job has ended"])
        #expect(log.lines.first?.metadata["login"] == "alice" && log.lines.first?.metadata["pid"] == "4242")
    }

    @Test("nothing is taken over that was denied, or that could not be written down")
    func nothing() async throws {
        let identity = try await Sample.identity()
        let launcher = RecordingLauncher()
        for (answer, word) in [
            (Resolution.denied(Sample.denial, because: Sample.why), "denied"),
            (.badLogin(Sample.badLogin, because: Sample.why), "badlogin"),
        ] {
            let outcome = try await impersonator(.resolves(answer), launcher).adopt(reference, for: Sample.request)
            #expect(outcome.process == nil)
            #expect(audit.records.last?.event == .decision && audit.records.last?.outcome == word)
            #expect(audit.records.last?.processID == ProcessID(rawValue: 4_242))
        }
        audit.refuse([.decision])
        let error = await #expect(throws: ImpersonationError.self) {
            try await impersonator(.resolves(.identity(identity, because: Sample.why)), launcher)
                .adopt(reference, for: Sample.request)
        }
        #expect(error?.code == .auditFailed)
        #expect(launcher.adoptions.isEmpty)
        #expect(adoptions == ["none/denied/none": 1, "none/badlogin/none": 1, "setuid/failed/auditFailed": 1])
        #expect(
            log.lines.map(\.message) == [
                "A job was not taken over: denied", "A job was not taken over: no usable login",
                "A job could not be taken over",
            ]
        )
    }

    @Test("a job that could not be taken over is written down with the code, and thrown with the step")
    func failure() async throws {
        let identity = try await Sample.identity()
        let failure = LaunchError(.statusLost, step: .wait, errno: .noSuchProcess, message: "it has ended meanwhile")
        let launcher = RecordingLauncher(script: [.fails(failure)])
        let error = await #expect(throws: ImpersonationError.self) {
            try await impersonator(.resolves(.identity(identity, because: Sample.why)), launcher)
                .adopt(reference, for: Sample.request)
        }
        #expect(error?.code == .launchFailed)
        #expect(error?.launchError == failure)
        #expect(audit.records.map(\.event) == [.decision, .failed])
        #expect(audit.records.last?.reason == "statusLost")
        #expect(audit.records.last?.processID == ProcessID(rawValue: 4_242))
        #expect(adoptions == ["setuid/failed/wait": 1])
        #expect(metrics.meters.isEmpty)
    }
}
