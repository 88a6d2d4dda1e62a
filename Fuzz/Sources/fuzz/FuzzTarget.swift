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

    /// `/proc/PID/stat`.
    case processes

    /// `/proc/PID/status`, as launches and the resolver read it.
    case status

    /// The same of the tool's own.
    case ownStatus

    /// `/proc/self/uid_map` and `/proc/self/gid_map`.
    case identifierMaps

    /// `/etc/group`, where a terminal needs the group of terminals.
    case terminalGroup

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

    /// What `sudo -ll` writes.
    case sudoListing

    /// What `sudo --version` writes, and the release of the kernel.
    case versions

    /// `nsswitch.conf`, as the doctor reads it.
    case nameServiceOrder

    /// The plan of a child.
    case plans

    /// What a daemon sends to the launcher.
    case orders

    /// What a daemon has the launcher signal.
    case signals

    /// `/proc/PID/cgroup` and `/proc/PID/mountinfo`.
    case groups

    /// The names of cgroups, `cgroup.events` and `cgroup.procs`.
    case groupFiles

    /// What a daemon has noted of its jobs.
    case references

    /// The job files of the example worker.
    case jobs

    /// The grants of the example worker.
    case grants

    /// What a job of the example worker wrote.
    case output

    /// What it starts from beside the files in `Seeds`: the samples of the tests.
    ///
    /// - Returns: The samples.
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
        case .groupFiles: ControlGroupFileOracle.samples
        case .status: StatusOracle.samples
        case .ownStatus: OwnStatusOracle.samples
        case .identifierMaps: IdentifierMapOracle.samples
        case .terminalGroup: TerminalGroupOracle.samples
        case .sudoListing: SudoListingOracle.samples
        case .versions: VersionOracle.samples
        case .nameServiceOrder: NameServiceOrderOracle.samples
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
        case .groupFiles: ControlGroupFileOracle.complaint(about: bytes)
        case .status: StatusOracle.complaint(about: bytes)
        case .ownStatus: OwnStatusOracle.complaint(about: bytes)
        case .identifierMaps: IdentifierMapOracle.complaint(about: bytes)
        case .terminalGroup: TerminalGroupOracle.complaint(about: bytes)
        case .sudoListing: SudoListingOracle.complaint(about: bytes)
        case .versions: VersionOracle.complaint(about: bytes)
        case .nameServiceOrder: NameServiceOrderOracle.complaint(about: bytes)
        case .references: Texts.references(bytes)
        case .jobs: Files.jobs(bytes)
        case .grants: Files.grants(bytes)
        case .output: Files.output(bytes)
        }
    }
}
