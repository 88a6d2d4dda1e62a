import Impersonation
import ImpersonationTesting
import Logging
import QubeCompatibility
import SystemPackage

@testable import RenderWorker

/// A worker with a real spool and a real resolver, whose accounts and processes exist in the test only.
struct WorkerFixture {
    let scratch: ScratchFolder
    let spoolPath: FilePath
    let logs: JobLogs
    let directory: InMemoryAccountDirectory
    let audit = RecordingAuditLog()
    let launcher: AnnouncingLauncher
    let running = RunningJobs()
    let runner: JobRunner

    init(_ configuration: String = "proxy_execution_mode = user", script: [RecordingLauncher.Outcome] = []) throws {
        scratch = try ScratchFolder()
        spoolPath = scratch.path.appending("spool")
        logs = JobLogs(try OwnedDirectory.open(scratch.path.appending("logs"), permissions: 0o1777))
        directory = InMemoryAccountDirectory([
            try .forTesting("root", uid: 0, home: "/root"),
            try .forTesting("svc999", uid: 999),
            try .forTesting("alice", uid: 2001, groups: [3001, 3002]),
            try .forTesting("bob", uid: 2002),
            try .forTesting("qubeproxy", uid: 2100),
        ])
        launcher = AnnouncingLauncher(script: script)
        let loaded = try WorkerConfiguration.parse(configuration, file: "/etc/worker.conf").configuration
        runner = JobRunner(
            impersonator: Impersonator(
                resolver: PolicyResolver(
                    policy: loaded.policy,
                    directory: directory,
                    registry: InMemoryProxyRegistry()
                ),
                launcher: launcher,
                audit: audit
            ),
            directory: directory,
            audit: audit,
            settings: JobSettings(loaded, spool: spoolPath, logs: logs),
            running: running,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    func worker(
        limit: Int = 2,
        gracePeriod: Duration = .seconds(30),
        logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    ) throws -> Worker {
        Worker(
            spool: try Spool(spoolPath),
            runner: runner,
            running: running,
            limit: limit,
            gracePeriod: gracePeriod,
            logger: logger
        )
    }

    /// A job file for a spool, the fixture's own unless another is named.
    func jobFile(_ members: String, for spool: FilePath? = nil) -> String {
        "{\"spool\": \"\(spool ?? spoolPath)\", \(members)}"
    }

    /// Runs one job file as if it had come through the spool.
    func run(
        _ members: String = #""command": ["id"]"#,
        owner: UInt32,
        as id: JobID = JobID(),
        through entrance: SpoolFolder = .new,
        for spool: FilePath? = nil
    ) async -> (folder: SpoolFolder, result: JobResult) {
        await runner.run(
            SpoolItem(
                id: id,
                fileName: "job.json",
                entrance: entrance,
                owner: UserID(rawValue: owner),
                content: .jobFile(Array(jobFile(members, for: spool).utf8))
            )
        )
    }

    func submit(_ name: String, _ text: String? = nil, owner: UInt32 = 2001) throws {
        let text = text ?? jobFile(#""command": ["/usr/bin/id"]"#)
        try scratch.write(text, to: spoolPath.appending("new").appending(name), owner: owner)
    }

    func results(in folder: SpoolFolder) throws -> [JobReport] {
        try JobReport.read(spoolPath).filter { $0.folder == folder }
    }
}
