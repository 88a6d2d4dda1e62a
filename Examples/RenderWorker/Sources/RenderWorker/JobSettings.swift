public import Impersonation
public import QubeCompatibility
public import SystemPackage

/// What the worker's file and command line say about every job.
public struct JobSettings: Sendable {
    /// How account names are spelt at this site.
    public var syntax: AccountNameSyntax

    /// How the environment of a job is built, and where the file says so.
    public var environment: Sourced<EnvironmentChoice>

    /// The nice value of jobs that do not want to be nicer.
    public var niceness: Int

    /// The spool that jobs have to be meant for, from the root.
    public var spool: FilePath

    /// Where jobs write.
    public var logs: JobLogs

    /// Takes the settings of a worker's file.
    ///
    /// - Parameters:
    ///   - configuration: The worker's file.
    ///   - spool: The spool, by its path from the root.
    ///   - logs: Where jobs write.
    public init(_ configuration: WorkerConfiguration, spool: FilePath, logs: JobLogs) {
        syntax = configuration.nameSyntax
        environment = configuration.environment
        niceness = configuration.niceValue.value
        self.spool = spool.lexicallyNormalized()
        self.logs = logs
    }
}
