import LaunchProtocol

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

    /// What the library and the lookup process say to each other.
    case lookups

    /// What `getent` writes.
    case getent

    /// `nsswitch.conf`, `passwd` and `group`.
    case accounts

    /// The files of PAM services.
    case services

    /// What is written where `sudo` speaks.
    case sudo

    /// The plan of a child.
    case plans

    /// What a daemon sends to the launcher.
    case orders

    /// What a daemon has the launcher signal.
    case signals

    /// `/proc/PID/cgroup` and `/proc/PID/mountinfo`.
    case groups

    /// What a daemon has noted of its jobs.
    case references

    /// The job files of the example worker.
    case jobs

    /// The grants of the example worker.
    case grants

    /// What a job of the example worker wrote.
    case output

    /// What it starts from, where that is no text that somebody could read: the samples of the tests.
    ///
    /// - Returns: The samples; none where there are files in `Seeds`.
    /// - Throws: Why a message cannot be written.
    func samples() throws -> [[UInt8]] {
        switch self {
        case .frames:
            try [Samples.order, Samples.onTerminal, Samples.smallest].map { try $0.encoded() } + Samples.frames()
        case .lookups: try LookupOracle.samples()
        case .getent: AccountFileOracle.outputs
        case .accounts: AccountFileOracle.files
        case .services: ServiceOracle.samples
        case .sudo: SudoOracle.samples
        case .plans: try PlanSamples.plans()
        case .orders: try PlanSamples.orders()
        case .signals: SignalSamples.samples
        case .groups: ControlGroupOracle.samples
        case .policy, .configuration, .names, .networks, .processes, .references, .jobs, .grants, .output: []
        }
    }

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
        case .lookups: LookupOracle.complaint(about: bytes)
        case .getent: AccountFileOracle.complaint(aboutOutput: bytes)
        case .accounts: AccountFileOracle.complaint(aboutFiles: bytes)
        case .services: ServiceOracle.complaint(about: bytes)
        case .sudo: SudoOracle.complaint(about: bytes)
        case .plans: PlanSamples.result(ofPlan: bytes).complaint
        case .orders: PlanSamples.result(ofOrder: bytes).complaint
        case .signals: SignalSamples.result(of: bytes).complaint
        case .groups: ControlGroupOracle.complaint(about: bytes)
        case .references: Texts.references(bytes)
        case .jobs: Files.jobs(bytes)
        case .grants: Files.grants(bytes)
        case .output: Files.output(bytes)
        }
    }
}
