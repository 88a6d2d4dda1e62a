package import CLaunchPlan
package import SystemPackage

/// One operation of a child plan: what `perform` of the C interpreter does.
package enum ChildOperation: Hashable, Sendable {
    case unshareDescriptors(from: Int32)
    case placeDescriptor(Int32, at: Int32)
    case sealDescriptors(from: Int32)
    case keepCapabilities(UInt64)
    case joinControlGroup(Int32)
    case executeTrampoline(Int32)

    case resetSignals
    case newSession
    case controllingTerminal(Int32)
    case ownTerminal(Int32, user: UInt32, group: UInt32, mode: FilePermissions)
    case defaultScheduling
    case defaultIOPriority
    case niceness(Int)
    case resetOOMScore
    case joinSessionKeyring
    case limit(Int32, soft: UInt64, hard: UInt64)
    case emptyBoundingSet
    case emptyAmbientSet
    case emptyInheritableSet
    case setGroups([UInt32])
    case setGroupID(UInt32)
    case setEffectiveUserID(UInt32)
    case setUserID(UInt32)
    case emptyCapabilities
    case notDumpable
    case noNewPrivileges
    case verifyUserID(UInt32)
    case verifyGroupID(UInt32)
    case verifyGroups([UInt32])
    case verifyCapabilities
    case verifyNoRegain(user: UInt32, group: UInt32)
    case verifyNoNewPrivileges
    case setFileModeCreationMask(FilePermissions)
    case enterDirectory(FilePath, orElse: FilePath?)
    case openStream(FilePath, flags: Int32, mode: FilePermissions, at: Int32)
    case closeDescriptors(from: Int32, atOnce: Bool = false)
    case moveDescriptors(to: Int32)
    case tieToParent(Int32, signal: Int32)
    case commit
    case report
    case emptySignalMask
    case execute([FilePath])

    /// The step that a failure of the operation is reported as.
    package var step: launch_step {
        switch self {
        case .unshareDescriptors: LAUNCH_STEP_UNSHARE_DESCRIPTORS
        case .placeDescriptor: LAUNCH_STEP_PLACE_DESCRIPTOR
        case .sealDescriptors: LAUNCH_STEP_SEAL_DESCRIPTORS
        case .keepCapabilities: LAUNCH_STEP_KEEP_CAPABILITIES
        case .joinControlGroup: LAUNCH_STEP_JOIN_CONTROL_GROUP
        case .executeTrampoline: LAUNCH_STEP_EXECUTE_TRAMPOLINE
        case .resetSignals: LAUNCH_STEP_RESET_SIGNALS
        case .newSession: LAUNCH_STEP_NEW_SESSION
        case .controllingTerminal: LAUNCH_STEP_CONTROLLING_TERMINAL
        case .ownTerminal: LAUNCH_STEP_OWN_TERMINAL
        case .defaultScheduling: LAUNCH_STEP_SCHEDULING
        case .defaultIOPriority: LAUNCH_STEP_IO_PRIORITY
        case .niceness: LAUNCH_STEP_NICE
        case .resetOOMScore: LAUNCH_STEP_OOM_SCORE
        case .joinSessionKeyring: LAUNCH_STEP_SESSION_KEYRING
        case .limit: LAUNCH_STEP_RESOURCE_LIMIT
        case .emptyBoundingSet: LAUNCH_STEP_BOUNDING_SET
        case .emptyAmbientSet: LAUNCH_STEP_AMBIENT_SET
        case .emptyInheritableSet: LAUNCH_STEP_INHERITABLE_SET
        case .setGroups: LAUNCH_STEP_GROUPS
        case .setGroupID: LAUNCH_STEP_GROUP_ID
        case .setEffectiveUserID: LAUNCH_STEP_EFFECTIVE_USER_ID
        case .setUserID: LAUNCH_STEP_USER_ID
        case .emptyCapabilities: LAUNCH_STEP_CAPABILITIES
        case .notDumpable: LAUNCH_STEP_NOT_DUMPABLE
        case .noNewPrivileges: LAUNCH_STEP_NO_NEW_PRIVILEGES
        case .verifyUserID: LAUNCH_STEP_VERIFY_USER_ID
        case .verifyGroupID: LAUNCH_STEP_VERIFY_GROUP_ID
        case .verifyGroups: LAUNCH_STEP_VERIFY_GROUPS
        case .verifyCapabilities: LAUNCH_STEP_VERIFY_CAPABILITIES
        case .verifyNoRegain: LAUNCH_STEP_VERIFY_NO_REGAIN
        case .verifyNoNewPrivileges: LAUNCH_STEP_VERIFY_NO_NEW_PRIVILEGES
        case .setFileModeCreationMask: LAUNCH_STEP_FILE_MODE_MASK
        case .enterDirectory: LAUNCH_STEP_WORKING_DIRECTORY
        case .openStream: LAUNCH_STEP_OPEN_STREAM
        case .closeDescriptors: LAUNCH_STEP_CLOSE_DESCRIPTORS
        case .moveDescriptors: LAUNCH_STEP_MOVE_DESCRIPTORS
        case .tieToParent: LAUNCH_STEP_PARENT
        case .commit: LAUNCH_STEP_COMMIT
        case .report: LAUNCH_STEP_REPORT
        case .emptySignalMask: LAUNCH_STEP_SIGNAL_MASK
        case .execute: LAUNCH_STEP_EXECUTE
        }
    }
}
