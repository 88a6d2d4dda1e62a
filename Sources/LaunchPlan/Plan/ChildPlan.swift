import CLaunchPlan
import Glibc
package import SystemPackage

/// What a child becomes, step by step: the pure part of a launch.
///
/// The order is the one that the kernel's rules leave: everything that needs a privilege before the switch; groups, then
/// the group id, then the user id; the proof right behind; files and directories after it, as the account; the signal
/// mask last. Nothing here looks anything up or speaks to the kernel, so a test can read a whole plan.
package struct ChildPlan: Sendable {
    /// Who a job runs as, in numbers.
    package struct Credentials: Hashable, Sendable {
        package var userID: UInt32
        package var groupID: UInt32
        /// Sorted, each once.
        package var groups: [UInt32]

        package init(userID: UInt32, groupID: UInt32, groups: [UInt32]) {
            self.userID = userID
            self.groupID = groupID
            self.groups = groups
        }
    }

    /// A file that the child opens for one of its standard streams, as the account.
    package struct StreamFile: Hashable, Sendable {
        package var path: FilePath
        package var flags: Int32
        package var target: Int32

        package init(path: FilePath, flags: Int32, target: Int32) {
            self.path = path
            self.flags = flags
            self.target = target
        }
    }

    /// A resource limit that is wanted.
    package struct Limit: Hashable, Sendable {
        /// The number of the resource (`getrlimit(2)`).
        package var resource: Int32
        package var soft: UInt64
        /// `nil` leaves the daemon's.
        package var hard: UInt64?

        package init(resource: Int32, soft: UInt64, hard: UInt64?) {
            self.resource = resource
            self.soft = soft
            self.hard = hard
        }
    }

    /// The group of the job's terminal, and its mode; its owner is the account.
    package struct TerminalAccess: Hashable, Sendable {
        package var groupID: UInt32
        package var mode: FilePermissions

        package init(groupID: UInt32, mode: FilePermissions) {
            self.groupID = groupID
            self.mode = mode
        }
    }

    /// The process that starts the child, whose only thread lives as long as itself.
    package struct Parent: Hashable, Sendable {
        package var processID: Int32
        /// What the end of the parent does to the job; 0 for nothing (`PR_SET_PDEATHSIG`).
        package var endSignal: Int32

        package init(processID: Int32, endSignal: Int32) {
            self.processID = processID
            self.endSignal = endSignal
        }
    }

    /// Paths that are tried one after the other until one can be executed.
    package var executables: [FilePath]
    package var workingDirectory: FilePath
    /// Where the child starts when it cannot enter ``workingDirectory``.
    package var fallbackDirectory: FilePath?
    package var streamFiles: [StreamFile]
    /// Whether standard error becomes standard output once that is open.
    package var errorFollowsOutput: Bool
    package var niceness: Int
    package var fileModeCreationMask: FilePermissions
    /// In the order they are set.
    package var resourceLimits: [Limit]
    package var noNewPrivileges: Bool
    /// Whether the capability bounding set is emptied where that is permitted.
    package var emptiesBoundingSet: Bool
    /// Who else may write to the terminal that the standard streams are; `nil` when they are none.
    package var terminal: TerminalAccess?
    /// How many descriptors the job has from 3 upwards.
    package var extraDescriptorCount: Int32
    /// The process that the child must still have as its parent when it becomes the job.
    package var parent: Parent?
    /// Whether the job gets a session keyring of its own; one that a PAM module has made for it stays otherwise.
    package var joinsSessionKeyring: Bool

    package init(
        executables: [FilePath],
        workingDirectory: FilePath,
        fallbackDirectory: FilePath?,
        streamFiles: [StreamFile],
        errorFollowsOutput: Bool,
        niceness: Int,
        fileModeCreationMask: FilePermissions,
        resourceLimits: [Limit],
        noNewPrivileges: Bool,
        emptiesBoundingSet: Bool,
        terminal: TerminalAccess? = nil,
        extraDescriptorCount: Int32 = 0,
        parent: Parent? = nil,
        joinsSessionKeyring: Bool = true
    ) {
        self.executables = executables
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
        self.extraDescriptorCount = extraDescriptorCount
        self.parent = parent
        self.joinsSessionKeyring = joinsSessionKeyring
    }

    /// Owner and group may write, others not; what the mode creation mask takes away comes off.
    private static let streamFileMode: FilePermissions = [
        .ownerReadWrite, .groupReadWrite, .otherReadWrite,
    ]

    /// The operations of the trampoline for a job that runs as another account.
    ///
    /// - Parameters:
    ///   - target: Who the job runs as.
    ///   - daemon: What the daemon has that the job must not get.
    /// - Returns: The operations, in order.
    package func isolated(as target: Credentials, from daemon: DaemonFacts) -> [ChildOperation] {
        privileged(as: target, from: daemon)
            + [
                .emptyAmbientSet,
                .setGroups(target.groups),
                .setGroupID(target.groupID),
                .setUserID(target.userID),
                .notDumpable,
                .emptyCapabilities,
            ]
            // Charged to the quota of the account (keyctl(2)): the daemon's would run out at two hundred jobs.
            + (joinsSessionKeyring ? [.joinSessionKeyring] : [])
            + (noNewPrivileges ? [.noNewPrivileges] : [])
            + [
                .verifyUserID(target.userID),
                .verifyGroupID(target.groupID),
                .verifyGroups(target.groups),
                .verifyCapabilities,
                .verifyNoRegain(
                    user: daemon.userID == target.userID ? 0 : daemon.userID,
                    group: daemon.groupID == target.groupID ? 0 : daemon.groupID
                ),
            ]
            + (noNewPrivileges ? [.verifyNoNewPrivileges] : [])
            + unprivileged
            + extraDescriptors
            + [.closeDescriptors(from: firstClosed)] + tie
            + [.commit, .report, .emptySignalMask, .execute(executables)]
    }

    /// The operations of the trampoline for a job that keeps the account of the worker.
    ///
    /// - Parameters:
    ///   - account: The account that the worker, and so the job, has.
    ///   - daemon: What the daemon has that the job must not get.
    ///   - verifyingGroups: Whether the worker's groups have to be the account's. In desktop mode they are what the login
    ///     session gave the worker.
    ///   - joiningSessionKeyring: Whether it leaves the keyring of the worker's session.
    /// - Returns: The operations, in order.
    package func keepingAccount(
        _ account: Credentials,
        from daemon: DaemonFacts,
        verifyingGroups: Bool = false,
        joiningSessionKeyring: Bool = false
    ) -> [ChildOperation] {
        session(of: account)
            + [.defaultScheduling, .defaultIOPriority, .niceness(niceness)]
            + (daemon.isProtectedFromOutOfMemory ? [.resetOOMScore] : [])
            + limits(under: daemon)
            + [.emptyAmbientSet, .emptyCapabilities]
            + (joiningSessionKeyring ? [.joinSessionKeyring] : [])
            + (noNewPrivileges ? [.noNewPrivileges] : [])
            + [.verifyUserID(account.userID), .verifyGroupID(account.groupID)]
            + (verifyingGroups ? [.verifyGroups(account.groups)] : [])
            + [.verifyCapabilities]
            + (noNewPrivileges ? [.verifyNoNewPrivileges] : [])
            + unprivileged
            + extraDescriptors
            + [.closeDescriptors(from: firstClosed)] + tie
            + [.commit, .report, .emptySignalMask, .execute(executables)]
    }

    /// The operations of a process that somebody else has switched to the account, in a session of its own already.
    ///
    /// - Parameters:
    ///   - target: Who the job runs as.
    ///   - found: The limits that the process has, and the ids that it must not have any more.
    /// - Returns: The operations, in order.
    package func switched(to target: Credentials, from found: DaemonFacts) -> [ChildOperation] {
        [.notDumpable, .resetSignals]
            + (terminal == nil ? [] : [.controllingTerminal(STDIN_FILENO)])
            + [.defaultScheduling, .defaultIOPriority, .niceness(niceness), .joinSessionKeyring]
            + limits(under: found)
            + [.emptyAmbientSet, .emptyCapabilities]
            + (noNewPrivileges ? [.noNewPrivileges] : [])
            + [
                .verifyUserID(target.userID),
                .verifyGroupID(target.groupID),
                .verifyGroups(target.groups),
                .verifyCapabilities,
                .verifyNoRegain(user: found.userID, group: found.groupID == target.groupID ? 0 : found.groupID),
            ]
            + (noNewPrivileges ? [.verifyNoNewPrivileges] : [])
            + unprivileged
            + extraDescriptors
            + [.closeDescriptors(from: firstClosed)] + tie
            + [.commit, .report, .emptySignalMask, .execute(executables)]
    }

    /// The operations of a child that becomes a program of the daemon's own choosing, with the daemon's own account and rights,
    /// which that program needs to gain those of another account.
    ///
    /// - Parameter daemon: What the daemon has.
    /// - Returns: The operations, in order.
    package func helping(from daemon: DaemonFacts) -> [ChildOperation] {
        [.resetSignals, .newSession, .defaultScheduling, .defaultIOPriority]
            + (daemon.isProtectedFromOutOfMemory ? [.resetOOMScore] : [])
            + [
                .emptyAmbientSet, .emptyCapabilities,
                .verifyUserID(daemon.userID), .verifyGroupID(daemon.groupID), .verifyCapabilities,
                .setFileModeCreationMask([.groupWrite, .otherWrite]),
                .enterDirectory("/", orElse: nil),
                .closeDescriptors(from: firstClosed),
                .commit, .report, .emptySignalMask, .execute(executables),
            ]
    }

    /// The operations of the clone child itself in direct mode.
    ///
    /// The child shares the memory of the daemon until its exec, so everything that can be done before the user id
    /// changes is: files and directories are opened with the account's *effective* user id alone, which lets nobody signal
    /// or trace the child and takes away every effective capability. The real and saved ids come last; the kernel
    /// empties the permitted set of a process whose last id leaves user id 0 with them.
    ///
    /// - Parameters:
    ///   - target: Who the job runs as.
    ///   - daemon: What the daemon has that the job must not get.
    ///   - descriptors: How the standard streams and the extra descriptors take their places.
    /// - Returns: The operations, in order.
    package func direct(
        as target: Credentials,
        from daemon: DaemonFacts,
        descriptors: [ChildOperation]
    ) -> [ChildOperation] {
        // Closed at once, not with the exec: while the exec of this job stands still on its file system, no other
        // launch may wait for a pipe that this child holds open.
        descriptors
            + [.closeDescriptors(from: firstClosed, atOnce: true)]
            + privileged(as: target, from: daemon)
            + (noNewPrivileges ? [.noNewPrivileges] : [])
            + [
                .joinSessionKeyring,
                .emptyAmbientSet,
                .emptyInheritableSet,
                .setGroups(target.groups),
                .setGroupID(target.groupID),
                .setEffectiveUserID(target.userID),
            ]
            + unprivileged
            + [
                .emptySignalMask,
                .setUserID(target.userID),
                .verifyUserID(target.userID),
                .verifyGroupID(target.groupID),
                .verifyCapabilities,
                .commit,
                .execute(executables),
            ]
    }

    /// The operations that bring the standard streams to their places, in a table of descriptors of the child's own.
    ///
    /// What lies above is not even copied into that table, so ten thousand open descriptors of the daemon cost nothing.
    ///
    /// - Parameters:
    ///   - streams: Standard input, output and error.
    ///   - needed: The highest other descriptor that the child needs afterwards.
    /// - Returns: The operations, in order.
    package static func placement(of streams: [Int32], keeping needed: Int32) -> [ChildOperation] {
        [.unshareDescriptors(from: streams.reduce(needed, max) + 1)]
            + streams.enumerated().map { target, source in .placeDescriptor(source, at: Int32(target)) }
    }

    private func privileged(as target: Credentials, from daemon: DaemonFacts) -> [ChildOperation] {
        session(of: target)
            + [.defaultScheduling, .defaultIOPriority, .niceness(niceness)]
            + (daemon.isProtectedFromOutOfMemory ? [.resetOOMScore] : [])
            + limits(under: daemon)
            + (emptiesBoundingSet && daemon.mayEmptyBoundingSet ? [.emptyBoundingSet] : [])
    }

    private func session(of account: Credentials) -> [ChildOperation] {
        [.resetSignals, .newSession]
            + (terminal.map { access in
                [
                    .controllingTerminal(STDIN_FILENO),
                    .ownTerminal(STDIN_FILENO, user: account.userID, group: access.groupID, mode: access.mode),
                ]
            } ?? [])
    }

    private var unprivileged: [ChildOperation] {
        [
            .setFileModeCreationMask(fileModeCreationMask),
            .enterDirectory(workingDirectory, orElse: fallbackDirectory),
        ]
            + streamFiles.map { file in
                .openStream(file.path, flags: file.flags, mode: Self.streamFileMode, at: file.target)
            }
            + (errorFollowsOutput ? [.placeDescriptor(STDOUT_FILENO, at: STDERR_FILENO)] : [])
    }

    private var tie: [ChildOperation] { parent.map { [.tieToParent($0.processID, signal: $0.endSignal)] } ?? [] }

    /// The lowest descriptor that is not the job's.
    private var firstClosed: Int32 { STDERR_FILENO + 1 + extraDescriptorCount }

    /// The trampoline's own go first: they are where the job's belong.
    ///
    /// Each of those moves down to a place that the one before it has left, or that was the trampoline's.
    private var extraDescriptors: [ChildOperation] {
        guard extraDescriptorCount > 0 else { return [] }
        return [.moveDescriptors(to: Self.behindExtraDescriptors(extraDescriptorCount) + 1)]
            + (0..<extraDescriptorCount)
            .map { index in
                .placeDescriptor(LAUNCH_FIRST_EXTRA_DESCRIPTOR + index, at: STDERR_FILENO + 1 + index)
            }
    }

    /// The first descriptor behind the extra ones in the trampoline: its image is there.
    package static func behindExtraDescriptors(_ count: Int32) -> Int32 { LAUNCH_FIRST_EXTRA_DESCRIPTOR + count }

    /// Only limits that differ from the daemon's are set: raising a hard limit needs a privilege, and a soft limit
    /// stays at or below the hard one.
    private func limits(under daemon: DaemonFacts) -> [ChildOperation] {
        resourceLimits.compactMap { wanted in
            let inherited = daemon.limits[wanted.resource]
            let hard = wanted.hard ?? inherited?.hard ?? .max
            let soft = min(wanted.soft, hard)
            if let inherited, inherited == (soft, hard) { return nil }
            return .limit(wanted.resource, soft: soft, hard: hard)
        }
    }
}
