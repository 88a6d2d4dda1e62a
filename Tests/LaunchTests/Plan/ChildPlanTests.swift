import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The plan of a child")
struct ChildPlanTests {
    private let target = ChildPlan.Credentials(
        userID: 2_001,
        groupID: 2_001,
        groups: [2_001, 3_001]
    )

    private let root = DaemonFacts(
        userID: 0,
        groupID: 0,
        limits: [:],
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
        resourceLimits: [],
        noNewPrivileges: true,
        emptiesBoundingSet: true
    )

    @Test("in isolated mode has every step, in the order that the kernel's rules leave")
    func isolated() {
        #expect(
            plan.isolated(as: target, from: root).map(\.launchStep) == [
                .resetSignals, .newSession, .scheduling, .ioPriority, .niceness, .oomScore, .boundingSet, .ambientSet,
                .groups, .groupID, .userID, .notDumpable, .capabilities, .sessionKeyring, .noNewPrivileges,
                .verifyUserID, .verifyGroupID, .verifyGroups, .verifyCapabilities, .verifyNoRegain,
                .verifyNoNewPrivileges, .fileModeCreationMask, .workingDirectory, .openStream, .placeDescriptor,
                .closeDescriptors, .commit, .report, .signalMask, .execute,
            ]
        )
    }

    @Test("in direct mode changes the user id last, and opens files with the account's file system id before")
    func direct() {
        let steps = plan.direct(as: target, from: root, descriptors: []).map(\.launchStep)
        let end: [LaunchStep] = [
            .signalMask, .userID, .verifyUserID, .verifyGroupID, .verifyCapabilities, .commit, .execute,
        ]
        #expect(steps.suffix(end.count) == end)
        let order = [LaunchStep.groups, .groupID, .effectiveUserID, .workingDirectory, .openStream, .userID]
        #expect(steps.filter(order.contains) == order)
        #expect(steps.first == .closeDescriptors)
    }

    @Test("that keeps the account switches nothing and proves it")
    func keepingAccount() {
        let steps = plan.keepingAccount(target, from: root).map(\.launchStep)
        let switching: [LaunchStep] = [.groups, .groupID, .userID, .effectiveUserID, .boundingSet, .sessionKeyring]
        #expect(!steps.contains(where: switching.contains))
        #expect(steps.contains(.verifyUserID) && steps.contains(.verifyGroupID) && steps.contains(.verifyCapabilities))
        #expect(steps.contains(.capabilities))
    }

    @Test("gives up the daemon's protection from the out-of-memory killer in every mode")
    func protection() {
        for steps in [
            plan.isolated(as: target, from: root), plan.keepingAccount(target, from: root),
            plan.direct(as: target, from: root, descriptors: []),
        ] {
            #expect(steps.contains(.resetOOMScore))
        }
    }

    @Test("keeps the daemon's hard limit of every resource that only gets a soft one", arguments: Int32(0)...15)
    func hardLimits(_ resource: Int32) throws {
        var limited = plan
        limited.resourceLimits = [ChildPlan.Limit(resource: resource, soft: 0, hard: nil)]
        let daemon = DaemonFacts.current()
        let hard = try #require(daemon.limits[resource]).hard
        let set = limited.isolated(as: target, from: daemon).filter { $0.launchStep == .resourceLimit }
        #expect(set.allSatisfy { $0 == .limit(resource, soft: 0, hard: hard) })
    }

    @Test("is written into a pipe at once or not at all, however small the kernel made it")
    func smallPipe() throws {
        let (reading, writing) = try OwnedDescriptor.pipe()
        let bytes = [UInt8](repeating: 0, count: 1 << 22)
        let result = unsafe bytes.withUnsafeBytes { unsafe linux_pipe_fill(writing.rawValue, $0.baseAddress, $0.count) }
        // The superuser may make a pipe of four MiB; for everybody else that is beyond pipe-max-size.
        #expect(result == 0 || result == -EPERM)
        let more = unsafe bytes.withUnsafeBytes { unsafe linux_pipe_fill(writing.rawValue, $0.baseAddress, 65_536) }
        #expect(result == 0 ? more == -EAGAIN : more == 0)
        withExtendedLifetime(reading) {}
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
        daemon.userID = 990
        daemon.groupID = target.groupID
        #expect(plan.isolated(as: target, from: daemon).contains(.verifyNoRegain(user: 990, group: 0)))
    }

    @Test("sets a limit only where the daemon's differs, and no soft limit above the hard one")
    func limits() {
        var limited = plan
        let (fileSize, coreFileSize, openFiles): (Int32, Int32, Int32) = (1, 4, 7)
        limited.resourceLimits = [
            ChildPlan.Limit(resource: fileSize, soft: .max, hard: nil),
            ChildPlan.Limit(resource: coreFileSize, soft: 0, hard: nil),
            ChildPlan.Limit(resource: openFiles, soft: 1_024, hard: nil),
        ]
        var daemon = root
        daemon.limits[openFiles] = (soft: 100, hard: 512)
        daemon.limits[fileSize] = (soft: 0, hard: .max)
        daemon.limits[coreFileSize] = (soft: 0, hard: 10)
        let limits = limited.isolated(as: target, from: daemon).filter { $0.launchStep == .resourceLimit }
        #expect(
            limits == [
                .limit(fileSize, soft: .max, hard: .max),
                .limit(openFiles, soft: 512, hard: 512),
            ]
        )
    }
}
