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
    let logs: FilePath
    let directory: InMemoryAccountDirectory
    let audit = RecordingAuditLog()
    let launcher: AnnouncingLauncher
    let running = RunningJobs()
    let runner: JobRunner

    init(_ configuration: String = "proxy_execution_mode = user", script: [RecordingLauncher.Outcome] = []) throws {
        scratch = try ScratchFolder()
        spoolPath = scratch.path.appending("spool")
        logs = scratch.path.appending("logs")
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
            settings: JobSettings(loaded, logs: logs),
            running: running,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    func worker(limit: Int = 2) throws -> Worker {
        Worker(
            spool: try Spool(spoolPath),
            runner: runner,
            running: running,
            limit: limit,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    /// Runs one job file as if it had come through the spool.
    func run(_ text: String, owner: UInt32) async -> (folder: SpoolFolder, result: JobResult) {
        await runner.run(
            SpoolItem(
                id: JobID(),
                fileName: "job.json",
                owner: UserID(rawValue: owner),
                content: .jobFile(Array(text.utf8))
            )
        )
    }

    func submit(_ name: String, _ text: String = #"{"command": ["/usr/bin/id"]}"#, owner: UInt32 = 2001) throws {
        try scratch.write(text, to: spoolPath.appending("new").appending(name), owner: owner)
    }

    func results(in folder: SpoolFolder) throws -> [JobReport] {
        try JobReport.read(spoolPath).filter { $0.folder == folder }
    }
}
