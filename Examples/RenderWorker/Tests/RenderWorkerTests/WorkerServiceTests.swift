import Impersonation
import ImpersonationTesting
import Logging
import ServiceLifecycle
import SystemPackage
import Testing

@testable import RenderWorker

@Suite("A worker as a service", .serialized)
struct WorkerServiceTests {
    private static let ended = Result<ExitReport, LaunchError>.success(ExitReport(status: .signaled(.terminate)))

    private func group(_ worker: Worker) async -> ServiceGroup {
        ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    ServiceGroupConfiguration.ServiceConfiguration(
                        service: await WorkerService(worker),
                        successTerminationBehavior: .gracefullyShutdownGroup
                    )
                ],
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
        )
    }

    @Test func `a graceful shutdown lets jobs end and takes no new one`() async throws {
        let process = ScriptedProcess()
        let fixture = try WorkerFixture(script: [.runs(process)])
        let group = await group(try fixture.worker(limit: 1))
        for number in 0..<3 { try fixture.submit("job\(number)") }
        async let end: Void = group.run()
        var launches = fixture.launcher.announcements.makeAsyncIterator()
        await launches.next()
        await group.triggerGracefulShutdown()
        process.end(.success(ExitReport(status: .exited(0))))
        try await end
        #expect(process.signals.isEmpty)
        #expect(try fixture.results(in: .done).count == 1)
        #expect(try fixture.scratch.names(in: fixture.spoolPath.appending("new")).count == 2)
    }

    @Test func `when its time is up a job is told to end, and its end is written down`() async throws {
        let process = ScriptedProcess()
        let fixture = try WorkerFixture(script: [.runs(process)])
        let group = await group(try fixture.worker(gracePeriod: .zero))
        try fixture.submit("job")
        async let end: Void = group.run()
        var launches = fixture.launcher.announcements.makeAsyncIterator()
        await launches.next()
        await group.triggerGracefulShutdown()
        while process.signals.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        process.end(Self.ended)
        try await end
        #expect(process.signals == [.terminate])
        #expect(try fixture.results(in: .done).first?.result.signaled == 15)
        #expect(fixture.audit.records.map(\.event).last == .ended)
    }

    @Test func `a cancellation ends jobs at once, and waits until their ends are written down`() async throws {
        let process = ScriptedProcess()
        let fixture = try WorkerFixture(script: [.runs(process)])
        let group = await group(try fixture.worker(gracePeriod: .seconds(3_600)))
        try fixture.submit("job")
        let run = Task { try await group.run() }
        var launches = fixture.launcher.announcements.makeAsyncIterator()
        await launches.next()
        run.cancel()
        while process.signals.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        process.end(Self.ended)
        _ = await run.result
        #expect(try fixture.results(in: .done).first?.result.signaled == 15)
        #expect(fixture.audit.records.map(\.event).last == .ended)
    }
}
