package import LaunchPlan
package import SystemPackage

/// What every process of the helper has: all of it made before the first of them is forked.
package struct HelperContext: Sendable {
    package let policy: HelperPolicy
    package let listener: OwnedDescriptor
    package let table: MonitorTable
    package let trampoline: Trampoline
    /// Where jobs get cgroups, if they do.
    package let controlGroups: ControlGroupParent?
    /// The sessions that jobs share, where the policy permits it.
    package let sessions: SessionDirectory?
    /// Where jobs that outlive their daemon can be taken over, if they can.
    package let adoptionDirectory: FilePath?
    /// Whom this machine asks for the groups of accounts.
    package let groupServices: GroupServices
    package private(set) var log: HelperLog
    /// What processes take before they wait for daemons or jobs; `nil` before that is known.
    var pages: WarmPages?
    /// How many processes wait for daemons, made ahead so that no launch waits for a fork.
    package let parked: Int
    /// Whether each process that looks after a job has a session of its own.
    package let separatesProcesses: Bool
    /// The ids of the helper itself.
    package let userID: UInt32
    package let groupID: UInt32

    package static let parkedByDefault = 4

    package init(
        policy: HelperPolicy,
        listener: OwnedDescriptor,
        table: MonitorTable,
        trampoline: Trampoline,
        controlGroups: ControlGroupParent?,
        sessions: SessionDirectory? = nil,
        adoptionDirectory: FilePath?,
        groupServices: GroupServices = GroupServices(),
        log: HelperLog,
        parked: Int = parkedByDefault,
        separatesProcesses: Bool = false,
        userID: UInt32,
        groupID: UInt32
    ) {
        self.policy = policy
        self.listener = listener
        self.table = table
        self.trampoline = trampoline
        self.controlGroups = controlGroups
        self.sessions = sessions
        self.adoptionDirectory = adoptionDirectory
        self.groupServices = groupServices
        self.log = log
        self.parked = parked
        self.separatesProcesses = separatesProcesses
        self.userID = userID
        self.groupID = groupID
    }

    /// The same without a word in the log.
    var silenced: HelperContext {
        var context = self
        context.log = .silent
        return context
    }
}
