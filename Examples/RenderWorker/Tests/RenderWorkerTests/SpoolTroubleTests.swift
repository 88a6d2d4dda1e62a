import Glibc
import ImpersonationTesting
import Logging
import SystemPackage
import Testing

@testable import RenderWorker

@Suite("A file system that takes nothing more")
struct SpoolTroubleTests {
    private let fixture: WorkerFixture
    private let disk: ScratchDisk

    init() throws {
        fixture = try WorkerFixture()
        disk = try ScratchDisk(at: fixture.spoolPath)
    }

    private func expectStuck(_ next: Spool.Next, at name: String) {
        guard case .stuck(let error) = next else {
            Issue.record("\(next)")
            return
        }
        #expect(error.path == fixture.spoolPath.appending("new").appending(name))
        #expect(error.message.contains("cannot be moved at the moment"))
    }

    @Test func `a good file is not given up, and taken when there is room again`() async throws {
        let spool = try Spool(fixture.spoolPath)
        try fixture.submit("job")
        try disk.setReadOnly(true)
        expectStuck(try await spool.next(settled: true), at: "job")
        expectStuck(try await spool.next(settled: true), at: "job")
        try disk.setReadOnly(false)
        guard case .item(let item) = try await spool.next(settled: true), case .jobFile = item.content else {
            Issue.record("the job was given up")
            return
        }
        #expect(item.fileName == "job")
    }

    @Test func `what is no job file is not given up either`() async throws {
        let spool = try Spool(fixture.spoolPath)
        let trap = fixture.spoolPath.appending("new/trap")
        try ScratchFolder.check(unsafe trap.withPlatformString { unsafe mkdir($0, 0o755) })
        try disk.setReadOnly(true)
        expectStuck(try await spool.next(settled: true), at: "trap")
        try disk.setReadOnly(false)
        guard case .item(let item) = try await spool.next(settled: true), case .unusable = item.content else {
            Issue.record("it stays for ever")
            return
        }
        #expect(try fixture.scratch.names(in: fixture.spoolPath.appending("bad")) == ["\(item.id).job"])
    }

    @Test func `a worker says so once, and goes on when there is room again`() async throws {
        let log = AnnouncingLogHandler()
        let worker = try fixture.worker(logger: Logger(label: "test", factory: { _ in log }))
        try fixture.submit("first")
        try disk.setReadOnly(true)
        async let end: Void = worker.run()
        var lines = log.lines.makeAsyncIterator()
        #expect(await lines.next() == "ready")
        try #require(await lines.next()?.contains("cannot be moved at the moment") == true)
        try disk.setReadOnly(false)
        try fixture.submit("second")
        var launches = fixture.launcher.announcements.makeAsyncIterator()
        await launches.next()
        await launches.next()
        worker.stop()
        try await end
        #expect(try fixture.results(in: .done).map(\.result.file).sorted() == ["first", "second"])
        var more: [String] = []
        log.end()
        while let line = await lines.next() { more.append(line) }
        #expect(!more.contains { $0.contains("at the moment") })
    }

    @Test func `a worker that is to end when all is done says why it cannot`() async throws {
        let worker = try fixture.worker()
        try fixture.submit("job")
        try disk.setReadOnly(true)
        let error = await #expect(throws: SpoolError.self) { try await worker.run(once: true) }
        #expect(error?.message.contains("cannot be moved at the moment") == true)
        #expect(fixture.launcher.recorder.launches.isEmpty)
    }
}
