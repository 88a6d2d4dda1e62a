import SystemPackage

/// One operation of a child plan: what `perform` of the C interpreter does.
enum ChildOperation: Hashable {
    case unshareDescriptors(from: Int32)
    case placeDescriptor(Int32, at: Int32)
    case sealDescriptors(from: Int32)
    case keepCapabilities(UInt64)
    case executeTrampoline(Int32)

    case resetSignals
    case newSession
    case defaultScheduling
    case defaultIOPriority
    case niceness(Int)
    case resetOOMScore
    case joinSessionKeyring
    case limit(ResourceLimits.Resource, soft: UInt64, hard: UInt64)
    case emptyBoundingSet
    case emptyAmbientSet
    case emptyInheritableSet
    case setGroups([GroupID])
    case setGroupID(GroupID)
    case setFileSystemUser(UserID)
    case setUserID(UserID)
    case emptyCapabilities
    case noNewPrivileges
    case verifyUserID(UserID)
    case verifyGroupID(GroupID)
    case verifyGroups([GroupID])
    case verifyCapabilities
    case verifyNoRegain(UserID, GroupID)
    case verifyNoNewPrivileges
    case setFileModeCreationMask(FilePermissions)
    case enterDirectory(FilePath, orElse: FilePath?)
    case openStream(FilePath, flags: Int32, mode: FilePermissions, at: Int32)
    case closeDescriptors(from: Int32, atOnce: Bool = false)
    case report
    case emptySignalMask
    case execute([FilePath])

    /// The step that a failure of the operation is reported as.
    var step: LaunchStep {
        switch self {
        case .unshareDescriptors: .unshareDescriptors
        case .placeDescriptor: .placeDescriptor
        case .sealDescriptors: .sealDescriptors
        case .keepCapabilities: .keepCapabilities
        case .executeTrampoline: .executeTrampoline
        case .resetSignals: .resetSignals
        case .newSession: .newSession
        case .defaultScheduling: .scheduling
        case .defaultIOPriority: .ioPriority
        case .niceness: .niceness
        case .resetOOMScore: .oomScore
        case .joinSessionKeyring: .sessionKeyring
        case .limit: .resourceLimit
        case .emptyBoundingSet: .boundingSet
        case .emptyAmbientSet: .ambientSet
        case .emptyInheritableSet: .inheritableSet
        case .setGroups: .groups
        case .setGroupID: .groupID
        case .setFileSystemUser: .fileSystemUser
        case .setUserID: .userID
        case .emptyCapabilities: .capabilities
        case .noNewPrivileges: .noNewPrivileges
        case .verifyUserID: .verifyUserID
        case .verifyGroupID: .verifyGroupID
        case .verifyGroups: .verifyGroups
        case .verifyCapabilities: .verifyCapabilities
        case .verifyNoRegain: .verifyNoRegain
        case .verifyNoNewPrivileges: .verifyNoNewPrivileges
        case .setFileModeCreationMask: .fileModeCreationMask
        case .enterDirectory: .workingDirectory
        case .openStream: .openStream
        case .closeDescriptors: .closeDescriptors
        case .report: .report
        case .emptySignalMask: .signalMask
        case .execute: .execute
        }
    }
}
