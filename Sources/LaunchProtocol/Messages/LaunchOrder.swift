package import LaunchPlan
package import SystemPackage

/// Everything that a launcher without privileges asks the helper to start: who, what and how, in numbers and bytes.
///
/// Nothing in it is trusted. The helper holds the account and the numbers against its own policy and its own look-up,
/// and builds the plan of the child from what is left.
package struct LaunchOrder: Hashable, Sendable {
    /// The canonical name of the account, as the name service spells it.
    package var account: [UInt8]

    /// The numbers of that account, as the launcher looked them up.
    package var credentials: ChildPlan.Credentials

    /// Paths that are tried one after the other until one can be executed.
    package var executables: [FilePath]

    /// `argv`, its first element included; never empty.
    package var arguments: [[UInt8]]

    /// `NAME=value`, all of it: nothing of the helper's own is added.
    package var environment: [[UInt8]]

    /// Where the job starts; absolute.
    package var workingDirectory: FilePath

    /// Where it starts when it cannot enter ``workingDirectory``; absolute.
    package var fallbackDirectory: FilePath?

    /// Files that the child opens over its standard streams, as the account; in the order of their places.
    package var streamFiles: [ChildPlan.StreamFile]

    /// Whether standard error becomes standard output once the file for that is open.
    package var errorFollowsOutput: Bool

    /// From -20 to 19 (`nice(2)`).
    package var niceness: Int32

    /// From 0 to 0777 (`umask(2)`).
    package var fileModeCreationMask: UInt16

    /// In the order they are set; each resource once.
    package var resourceLimits: [ChildPlan.Limit]

    /// Whether the job and its descendants can gain nothing by an exec (`PR_SET_NO_NEW_PRIVS`, `prctl(2)`).
    package var noNewPrivileges: Bool

    /// Whether the capability bounding set is emptied where that is permitted.
    package var emptiesBoundingSet: Bool

    /// Who else may write to the terminal that all three standard streams are; `nil` when they are none.
    package var terminal: ChildPlan.TerminalAccess?

    /// How long the program may take until it runs, in milliseconds; at least one.
    package var startDeadlineMilliseconds: UInt32

    /// The places that the passed descriptors take, in the order they are passed.
    ///
    /// First 0, 1 and 2, then from 3 upwards without a gap.
    package var descriptorTargets: [Int32]

    /// What the processes of the job may use together.
    package var treeLimits: ControlGroupLimits

    /// Whether the job ends when the connection of the launcher does.
    package var endsWithDaemon: Bool

    /// Whether what is left of the job is killed when its first process ends.
    package var endsDescendants: Bool

    /// The PAM session that the job is to have; `nil` for none.
    package var session: SessionOrder?

    /// How many descriptors come with the order: those of the job, and a password.
    package var descriptorCount: Int { descriptorTargets.count + (session?.authenticates == true ? 1 : 0) }

    package init(
        account: [UInt8],
        credentials: ChildPlan.Credentials,
        executables: [FilePath],
        arguments: [[UInt8]],
        environment: [[UInt8]],
        workingDirectory: FilePath,
        fallbackDirectory: FilePath? = nil,
        streamFiles: [ChildPlan.StreamFile] = [],
        errorFollowsOutput: Bool = false,
        niceness: Int32 = 0,
        fileModeCreationMask: UInt16,
        resourceLimits: [ChildPlan.Limit] = [],
        noNewPrivileges: Bool,
        emptiesBoundingSet: Bool,
        terminal: ChildPlan.TerminalAccess? = nil,
        startDeadlineMilliseconds: UInt32,
        descriptorTargets: [Int32] = [0, 1, 2],
        treeLimits: ControlGroupLimits = ControlGroupLimits(),
        endsWithDaemon: Bool = true,
        endsDescendants: Bool = false,
        session: SessionOrder? = nil
    ) {
        self.account = account
        self.credentials = credentials
        self.executables = executables
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.fallbackDirectory = fallbackDirectory
        self.streamFiles = streamFiles
        self.errorFollowsOutput = errorFollowsOutput
        self.niceness = niceness
        self.fileModeCreationMask = fileModeCreationMask
        self.resourceLimits = resourceLimits
        self.noNewPrivileges = noNewPrivileges
        self.emptiesBoundingSet = emptiesBoundingSet
        self.terminal = terminal
        self.startDeadlineMilliseconds = startDeadlineMilliseconds
        self.descriptorTargets = descriptorTargets
        self.treeLimits = treeLimits
        self.endsWithDaemon = endsWithDaemon
        self.endsDescendants = endsDescendants
        self.session = session
    }

    /// Overwrites the arguments and the variables, in every copy of the order: nobody reads them any more.
    package func wipeStrings() {
        for string in arguments { string.wipe() }
        for string in environment { string.wipe() }
    }
}
