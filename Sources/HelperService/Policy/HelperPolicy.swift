package import SystemPackage

/// What the helper does, for whom: a policy file with all names resolved.
///
/// It never changes; a new one takes a restart of the helper.
///
/// Nothing of it permits user id 0, group id 0 or 4294967295, whatever the file says.
package struct HelperPolicy: Sendable {
    /// The file.
    package let path: FilePath

    /// Who may connect.
    package let peers: PolicySelection

    /// Whom jobs may run as.
    package let accounts: PolicySelection

    /// Whom no job runs as.
    package let deniedAccounts: PolicySelection

    /// The groups a job may have, by their ids in `users`.
    package let groups: PolicySelection

    /// Groups that no job has, by their ids in `users`.
    package let deniedGroups: PolicySelection

    /// The lowest user id of a job.
    package let minimumUserID: UInt32

    /// The lowest group id of a job.
    package let minimumGroupID: UInt32

    /// What programs have to pass; `nil` permits every program.
    package let executables: ExecutableCheck?

    /// Whether a job may gain privileges by an exec.
    package let newPrivileges: PolicyDecision

    /// Whether a job may keep the helper's capability bounding set.
    package let inheritedBoundingSet: PolicyDecision

    /// Whether a job may stay when its daemon ends.
    package let keepingJobs: PolicyDecision

    /// How many jobs there may be at once.
    package let maximumJobs: Int

    /// How many jobs one peer may have at once.
    package let maximumJobsPerPeer: Int

    /// How long a program may take until it runs.
    package let maximumStartTime: Duration

    /// The directory of cgroup v2 in which each job gets a group of its own.
    package let controlGroups: FilePath?

    /// Variables that jobs may have beside those of the account and the language; it counts where ``executables`` does.
    package let environment: Set<String>

    /// The services of PAM that jobs may have sessions of.
    package let sessionServices: [String]

    /// Whether a job has to have one.
    package let sessionDemand: SessionDemand

    /// How long a session that jobs share may stay open without one; zero where none may be shared.
    package let sessionIdleTime: Duration

    /// Whether a job runs without its session where that cannot be opened, though PAM lets the account in.
    package let startsWithoutSession: PolicyDecision

    /// Where the keys that the file sets stand.
    let lines: [PolicyKey: Int]

    /// Reads, parses and resolves a policy file.
    ///
    /// The file and every directory on the way belong to root, nobody else can write them, none of them is a symbolic link,
    /// and the file has no other name. Blocks for as long as the file system and the name service do.
    ///
    /// - Parameters:
    ///   - path: The file, absolute.
    ///   - names: Who resolves names.
    /// - Returns: The policy.
    /// - Throws: ``PolicyError``.
    package static func load(from path: FilePath, names: some PolicyNames) throws(PolicyError) -> HelperPolicy {
        try HelperPolicy(PolicyFile.read(path), names: names)
    }

    /// Resolves a policy.
    ///
    /// - Parameters:
    ///   - file: The text.
    ///   - names: Who resolves names; each is asked for once.
    /// - Throws: ``PolicyError`` with everything that is wrong, each with its line.
    package init(_ file: PolicyFile, names: some PolicyNames) throws(PolicyError) {
        var reader = PolicyInterpreter(file, names: names)
        path = file.path
        lines = file.entries.mapValues(\.line)
        minimumUserID = reader.number(.minimumUserID, in: 1...UInt32.max - 1, default: 1_000)
        minimumGroupID = reader.number(.minimumGroupID, in: 1...UInt32.max - 1, default: 1)
        peers = reader.peers()
        accounts = reader.accounts(from: minimumUserID)
        groups = reader.groups(from: minimumGroupID)
        deniedAccounts = reader.deniedAccounts()
        deniedGroups = reader.deniedGroups()
        executables = reader.executableDirectories()
        newPrivileges = reader.choice(.newPrivileges, forbidden: "forbidden", permitted: "allowed")
        inheritedBoundingSet = reader.choice(
            .capabilityBoundingSet,
            forbidden: "empty",
            permitted: "inherited-allowed"
        )
        keepingJobs = reader.choice(.whenDaemonEnds, forbidden: "kill", permitted: "keep-allowed")
        maximumJobs = Int(reader.number(.maximumJobs, in: 1...1_000_000, default: 1_024))
        maximumJobsPerPeer = Int(
            reader.number(.maximumJobsPerPeer, in: 1...UInt32(maximumJobs), default: UInt32(max(1, maximumJobs / 2)))
        )
        maximumStartTime = .seconds(Int(reader.number(.maximumStartTime, in: 1...3_600, default: 30)))
        environment = reader.variables()
        controlGroups = reader.directory(.controlGroups)
        sessionServices = reader.services()
        sessionDemand = reader.sessionDemand()
        sessionIdleTime = .seconds(Int(reader.number(.sessionIdleTime, in: 0...3_600, default: 0)))
        startsWithoutSession = reader.choice(.sessionFailure, forbidden: "refuse", permitted: "continue")
        try reader.finish()
    }
}
