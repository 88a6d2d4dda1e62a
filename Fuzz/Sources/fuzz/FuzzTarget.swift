/// The decoders and parsers, by the name they have on the command line.
enum FuzzTarget: String, CaseIterable {
    /// What a launcher and the system helper say to each other.
    case frames

    /// The policy of the system helper.
    case policy

    /// `qb.conf`.
    case configuration

    /// The name of an account, in every spelling of a site.
    case names

    /// The networks of a grant.
    case networks

    /// `/proc/PID/stat` and `/proc/PID/status`.
    case processes

    /// What a daemon has noted of its jobs.
    case references

    /// The job files of the example worker.
    case jobs

    /// The grants of the example worker.
    case grants

    /// What a job of the example worker wrote.
    case output

    /// What does not hold for some bytes.
    ///
    /// - Parameter bytes: The bytes.
    /// - Returns: A sentence; `nil` when everything holds.
    func complaint(about bytes: [UInt8]) -> String? {
        switch self {
        case .frames: FrameOracle.complaint(about: bytes)
        case .policy: Files.policy(bytes)
        case .configuration: Files.configuration(bytes)
        case .names: Texts.names(bytes)
        case .networks: Texts.networks(bytes)
        case .processes: Texts.processes(bytes)
        case .references: Texts.references(bytes)
        case .jobs: Files.jobs(bytes)
        case .grants: Files.grants(bytes)
        case .output: Files.output(bytes)
        }
    }
}
