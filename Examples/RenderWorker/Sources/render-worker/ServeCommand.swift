import ArgumentParser
import Impersonation
import Logging
import QubeCompatibility
import RenderWorker
import ServiceLifecycle
import SystemPackage

/// Watches a spool and runs what comes in.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Watches a spool and runs what comes in, until SIGTERM or SIGINT."
    )

    @Option(help: "The worker's file, in the syntax of qb.conf.", transform: FilePath.argument)
    var config: FilePath = WorkerConfiguration.defaultPath

    @Option(help: "The directory of the spool; made when it is not there.", transform: FilePath.argument)
    var spool: FilePath

    @Option(help: "The directory of the logs; made when it is not there.", transform: FilePath.argument)
    var logs: FilePath

    @Option(
        help: "A JSON file with who may act as whom; without it nobody acts for others.",
        transform: FilePath.argument
    )
    var grants: FilePath?

    @Option(help: "How many jobs run at a time.")
    var jobs = 2

    @Option(help: "How many seconds running jobs may go on after the first SIGTERM or SIGINT.")
    var grace = 30

    @Flag(help: "Run what is in the spool, and end.")
    var once = false

    func validate() throws {
        guard (1...1_000).contains(jobs) else { throw ValidationError("--jobs takes a number from 1 to 1000.") }
        guard (0...86_400).contains(grace) else { throw ValidationError("--grace takes 0 to 86400 seconds.") }
    }

    func run() async throws {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        let logger = Logger(label: "render-worker")
        logger.info("\(DaemonPrecedence.take())")
        let loaded = try WorkerConfiguration.load(from: config)
        for diagnostic in loaded.diagnostics { logger.warning("\(diagnostic)") }
        let configuration = loaded.configuration

        let directory = CachingAccountDirectory(NSSAccountDirectory(syntax: configuration.nameSyntax))
        let audit = try FileAuditLog(configuration.auditLog.value)
        let impersonator = Impersonator(
            resolver: PolicyResolver(
                policy: configuration.policy,
                directory: directory,
                registry: try await registry(configuration)
            ),
            launcher: try launcher(configuration),
            audit: audit,
            logger: logger
        )
        try await preflight(impersonator, configuration)

        let logs = try OwnedDirectory.open(logs, permissions: 0o1777)
        let running = RunningJobs()
        let worker = Worker(
            spool: try Spool(spool, submitters: configuration.executionMode.value == .desktop ? .worker : .everybody),
            runner: JobRunner(
                impersonator: impersonator,
                directory: directory,
                audit: audit,
                settings: JobSettings(configuration, spool: spool, logs: JobLogs(logs)),
                running: running,
                logger: logger
            ),
            running: running,
            limit: jobs,
            gracePeriod: .seconds(grace),
            logger: logger
        )
        try await ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    ServiceGroupConfiguration.ServiceConfiguration(
                        service: await WorkerService(worker, once: once),
                        successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup
                    )
                ],
                gracefulShutdownSignals: WorkerService.shutdownSignals,
                logger: logger
            )
        )
        .run()
    }

    private func registry(_ configuration: WorkerConfiguration) async throws -> InMemoryProxyRegistry {
        guard let grants else { return InMemoryProxyRegistry() }
        return try await GrantsFile.registry(
            from: grants,
            naming: AccountNaming(syntax: configuration.nameSyntax, hostDomain: configuration.hostDomain.value)
        )
    }

    private func launcher(_ configuration: WorkerConfiguration) throws -> any ProcessLauncher {
        switch configuration.launchBackend.value {
        case .setuid: return SetUIDLauncher()
        case .current: return CurrentUserLauncher()
        case .helper: return SystemHelperLauncher()
        case .pam: return PAMLauncher(service: configuration.pamService.value)
        case .sudo: return SudoLauncher()
        }
    }

    /// A worker whose proxy account is missing or not permitted would refuse every job; it says so at once instead.
    private func preflight(_ impersonator: Impersonator, _ configuration: WorkerConfiguration) async throws {
        guard configuration.executionMode.value == .proxy else { return }
        let account = configuration.proxyAccount.value
        let resolution = try await impersonator.explain(ExecutionRequest(login: account))
        guard resolution.identity != nil else {
            throw ValidationError("proxy_account = \(account) cannot run jobs: \(resolution.message)")
        }
    }
}
