import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The plan of a child")
struct ChildPlanTests {
    private let target = ChildPlan.Credentials(
        userID: UserID(2_001),
        groupID: GroupID(2_001),
        groups: [GroupID(2_001), GroupID(3_001)]
    )

    private let root = DaemonFacts(
        userID: UserID(0),
        groupID: GroupID(0),
        limits: .inherited,
        isProtectedFromOutOfMemory: true,
        mayEmptyBoundingSet: true
    )

    private let plan = ChildPlan(
        executables: ["/bin/true"],
        workingDirectory: "/home/alice",
        fallbackDirectory: "/",
        streamFiles: [ChildPlan.StreamFile(path: "/log", flags: O_WRONLY, target: 1)],
        errorFollowsOutput: true,
        niceness: 5,
        fileModeCreationMask: [.groupWrite, .otherWrite],
        resourceLimits: .inherited,
        noNewPrivileges: true,
        capabilityBoundingSet: .empty
    )

    @Test("in isolated mode has every step, in the order that the kernel's rules leave")
    func isolated() {
        #expect(
            plan.isolated(as: target, from: root).map(\.step) == [
                .resetSignals, .newSession, .scheduling, .ioPriority, .niceness, .oomScore, .sessionKeyring,
                .boundingSet, .ambientSet, .groups, .groupID, .userID, .capabilities, .noNewPrivileges,
                .verifyUserID, .verifyGroupID, .verifyGroups, .verifyCapabilities, .verifyNoRegain,
                .verifyNoNewPrivileges, .fileModeCreationMask, .workingDirectory, .openStream, .placeDescriptor,
                .closeDescriptors, .report, .signalMask, .execute,
            ]
        )
    }

    @Test("in direct mode changes the user id last, and opens files with the account's file system id before")
    func direct() {
        let steps = plan.direct(as: target, from: root, descriptors: []).map(\.step)
        #expect(steps.suffix(3) == [.signalMask, .userID, .execute])
        let order = [LaunchStep.groups, .groupID, .fileSystemUser, .workingDirectory, .openStream, .userID]
        #expect(steps.filter(order.contains) == order)
        #expect(steps.first == .closeDescriptors)
    }

    @Test("that keeps the account switches nothing and proves it")
    func keepingAccount() {
        let steps = plan.keepingAccount(target, from: root).map(\.step)
        let switching: [LaunchStep] = [.groups, .groupID, .userID, .fileSystemUser, .boundingSet, .sessionKeyring]
        #expect(!steps.contains(where: switching.contains))
        #expect(steps.contains(.verifyUserID) && steps.contains(.verifyGroupID) && steps.contains(.verifyCapabilities))
        #expect(steps.contains(.capabilities))
    }

    @Test("sets groups even when there are none")
    func emptyGroups() {
        var lonely = target
        lonely.groups = []
        #expect(plan.isolated(as: lonely, from: root).contains(.setGroups([])))
        #expect(plan.direct(as: lonely, from: root, descriptors: []).contains(.setGroups([])))
    }

    @Test("leaves the bounding set where the daemon may not change it")
    func withoutSetPrivilegedCapabilities() {
        var daemon = root
        daemon.mayEmptyBoundingSet = false
        #expect(!plan.isolated(as: target, from: daemon).contains(.emptyBoundingSet))
    }

    @Test("tries to take back the daemon's ids, or root's when they are the account's own")
    func regaining() {
        var daemon = root
        daemon.userID = UserID(990)
        daemon.groupID = target.groupID
        #expect(plan.isolated(as: target, from: daemon).contains(.verifyNoRegain(UserID(990), GroupID(0))))
    }

    @Test("sets a limit only where the daemon's differs, and no soft limit above the hard one")
    func limits() {
        var limited = plan
        limited.resourceLimits[.openFiles] = ResourceLimits.Limit(soft: 1_024)
        limited.resourceLimits[.fileSize] = ResourceLimits.Limit(soft: ResourceLimits.Limit.unlimited)
        limited.resourceLimits[.coreFileSize] = ResourceLimits.Limit(soft: 0)
        var daemon = root
        daemon.limits[.openFiles] = ResourceLimits.Limit(soft: 100, hard: 512)
        daemon.limits[.fileSize] = ResourceLimits.Limit(soft: 0, hard: ResourceLimits.Limit.unlimited)
        daemon.limits[.coreFileSize] = ResourceLimits.Limit(soft: 0, hard: 10)
        let limits = limited.isolated(as: target, from: daemon).filter { $0.step == .resourceLimit }
        #expect(
            limits == [
                .limit(.fileSize, soft: ResourceLimits.Limit.unlimited, hard: ResourceLimits.Limit.unlimited),
                .limit(.openFiles, soft: 512, hard: 512),
            ]
        )
    }
}
