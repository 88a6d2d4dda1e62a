import CLaunchPlan
import Damage
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// The interpreter does not trust the maker of a plan: what is not a plan, or would run a job without the switch and its
/// proof, ends before the exec.
@Suite("The interpreter of plans refuses")
struct InterpreterTests {
    private static let account = ChildPlan.Credentials(userID: 2_001, groupID: 2_001, groups: [])

    private func failure(of bytes: [UInt8]) throws -> launch_failure? { try interpreterFailure(of: bytes) }

    private func failure(of operations: [ChildOperation], kind: EncodedPlan.Kind) throws -> launch_failure? {
        try failure(of: EncodedPlan(operations, kind: kind).bytes)
    }

    @Test("a job without any switch, whatever the kind of plan")
    func noSwitch() throws {
        for kind: EncodedPlan.Kind in [.isolated, .direct, .keepAccount, .bootstrap] {
            let failure = try #require(try failure(of: [.execute(["/bin/true"])], kind: kind))
            #expect(failure.step == LAUNCH_STEP_EXECUTE.rawValue)
            #expect(failure.error == EBADMSG)
        }
    }

    @Test("a job when one step of the switch is missing", arguments: 0..<3)
    func partialSwitch(_ missing: Int) throws {
        var operations: [ChildOperation] = [
            .setGroups([]), .setGroupID(Self.account.groupID), .setUserID(Self.account.userID),
        ]
        operations.remove(at: missing)
        // As an ordinary user already the first of them fails; nothing gets as far as the exec either way.
        let failure = try #require(try failure(of: operations + [.execute(["/bin/true"])], kind: .direct))
        #expect(failure.error == (geteuid() == 0 ? EBADMSG : EPERM))
    }

    @Test("root's ids and the ids that mean \"leave unchanged\"", arguments: [0, UInt32.max])
    func reservedIDs(_ id: UInt32) throws {
        for operation in [
            ChildOperation.setGroupID(id), .setUserID(id), .setEffectiveUserID(id),
        ] {
            let failure = try #require(try failure(of: [operation, .execute(["/bin/true"])], kind: .direct))
            #expect(failure.step == operation.step.rawValue)
            #expect(failure.error == EBADMSG)
        }
    }

    @Test("a user id before the groups", .testBed)
    func wrongOrder() throws {
        let failure = try #require(
            try failure(of: [.setUserID(Self.account.userID), .setGroups([])], kind: .direct)
        )
        #expect(failure.step == LAUNCH_STEP_USER_ID.rawValue)
        #expect(failure.error == EBADMSG)
    }

    @Test("a clone child that would change the dumpable flag of the daemon", arguments: [true, false])
    func notDumpable(_ isDirect: Bool) throws {
        let failure = try #require(try failure(of: [.notDumpable], kind: isDirect ? .direct : .bootstrap))
        #expect(failure.step == LAUNCH_STEP_NOT_DUMPABLE.rawValue)
        #expect(failure.error == EBADMSG)
    }

    @Test("a terminal for root, for nobody, or for everybody")
    func terminals() throws {
        let cases: [(user: UInt32, group: UInt32, mode: FilePermissions)] = [
            (0, 5, [.ownerReadWrite]), (UInt32.max, 5, [.ownerReadWrite]), (2_001, UInt32.max, [.ownerReadWrite]),
            (2_001, 5, [.otherRead]), (2_001, 5, [.groupRead]), (2_001, 5, [.setUserID]),
        ]
        for (user, group, mode) in cases {
            let operation = ChildOperation.ownTerminal(0, user: user, group: group, mode: mode)
            let failure = try #require(try failure(of: [operation], kind: .direct))
            #expect(failure.step == LAUNCH_STEP_OWN_TERMINAL.rawValue)
            #expect(failure.error == EBADMSG)
        }
    }

    @Test("a plan that ends without an exec")
    func withoutExec() throws {
        let failure = try #require(try failure(of: [.newSession], kind: .bootstrap))
        #expect(failure.step == LAUNCH_STEP_READ_PLAN.rawValue)
    }

    @Test("what belongs on the way to the trampoline in a plan of any other kind")
    func bootstrapOnly() throws {
        for operation in [ChildOperation.executeTrampoline(0), .joinControlGroup(0), .keepCapabilities(0)] {
            let failure = try #require(try failure(of: [operation], kind: .direct))
            #expect(failure.step == operation.step.rawValue)
            #expect(failure.error == EBADMSG)
        }
    }

    @Test("bytes that are no plan", arguments: 0..<200)
    func mutations(_ seed: Int) throws {
        let operations: [ChildOperation] = [
            // Kept whole: until then the child shares the table of descriptors with this process.
            .unshareDescriptors(from: 1_000),
            .newSession, .setFileModeCreationMask([.otherWrite]), .enterDirectory("/", orElse: "/tmp"),
            .emptySignalMask, .execute(["/bin/true"]),
        ]
        var bytes = try EncodedPlan(operations, kind: .direct).bytes
        let kept = MemoryLayout<launch_plan>.size + MemoryLayout<launch_operation>.size
        var generator = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<(1 + seed % 4) {
            bytes[Int.random(in: kept..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        // No mutation leads to an exec, and none to a crash of this process, whose memory the child shares.
        #expect(try failure(of: bytes) != nil)
    }

    @Test("lists and strings that lie outside the plan", arguments: [0, 8, 1 << 20, UInt64.max])
    func offsets(_ offset: UInt64) throws {
        for step in [LAUNCH_STEP_GROUPS, LAUNCH_STEP_WORKING_DIRECTORY, LAUNCH_STEP_OPEN_STREAM] {
            var bytes = try EncodedPlan([.newSession], kind: .direct).bytes
            let operation = launch_operation(step: step.rawValue, reserved: 0, a: offset, b: 3, c: 0)
            let start = MemoryLayout<launch_plan>.size
            unsafe withUnsafeBytes(of: operation) { unsafe bytes.replaceSubrange(start..., with: $0) }
            let failure = try #require(try failure(of: bytes))
            #expect(failure.step == step.rawValue)
            #expect(failure.error == EBADMSG)
        }
    }

    @Test("steps by the numbers that Swift and C share")
    func numbers() {
        let pairs: [(LaunchStep, launch_step)] = [
            (.prepare, LAUNCH_STEP_PREPARE), (.createPipes, LAUNCH_STEP_CREATE_PIPES),
            (.createTrampoline, LAUNCH_STEP_CREATE_TRAMPOLINE), (.clone, LAUNCH_STEP_CLONE),
            (.connect, LAUNCH_STEP_CONNECT),
            (.unshareDescriptors, LAUNCH_STEP_UNSHARE_DESCRIPTORS), (.placeDescriptor, LAUNCH_STEP_PLACE_DESCRIPTOR),
            (.sealDescriptors, LAUNCH_STEP_SEAL_DESCRIPTORS), (.executeTrampoline, LAUNCH_STEP_EXECUTE_TRAMPOLINE),
            (.keepCapabilities, LAUNCH_STEP_KEEP_CAPABILITIES),
            (.readPlan, LAUNCH_STEP_READ_PLAN), (.resetSignals, LAUNCH_STEP_RESET_SIGNALS),
            (.newSession, LAUNCH_STEP_NEW_SESSION), (.scheduling, LAUNCH_STEP_SCHEDULING),
            (.ioPriority, LAUNCH_STEP_IO_PRIORITY), (.niceness, LAUNCH_STEP_NICE), (.oomScore, LAUNCH_STEP_OOM_SCORE),
            (.sessionKeyring, LAUNCH_STEP_SESSION_KEYRING), (.resourceLimit, LAUNCH_STEP_RESOURCE_LIMIT),
            (.boundingSet, LAUNCH_STEP_BOUNDING_SET), (.ambientSet, LAUNCH_STEP_AMBIENT_SET),
            (.inheritableSet, LAUNCH_STEP_INHERITABLE_SET), (.groups, LAUNCH_STEP_GROUPS),
            (.groupID, LAUNCH_STEP_GROUP_ID), (.effectiveUserID, LAUNCH_STEP_EFFECTIVE_USER_ID),
            (.userID, LAUNCH_STEP_USER_ID), (.capabilities, LAUNCH_STEP_CAPABILITIES),
            (.noNewPrivileges, LAUNCH_STEP_NO_NEW_PRIVILEGES), (.verifyUserID, LAUNCH_STEP_VERIFY_USER_ID),
            (.verifyGroupID, LAUNCH_STEP_VERIFY_GROUP_ID), (.verifyGroups, LAUNCH_STEP_VERIFY_GROUPS),
            (.verifyCapabilities, LAUNCH_STEP_VERIFY_CAPABILITIES),
            (.verifyNoRegain, LAUNCH_STEP_VERIFY_NO_REGAIN),
            (.verifyNoNewPrivileges, LAUNCH_STEP_VERIFY_NO_NEW_PRIVILEGES),
            (.fileModeCreationMask, LAUNCH_STEP_FILE_MODE_MASK), (.workingDirectory, LAUNCH_STEP_WORKING_DIRECTORY),
            (.openStream, LAUNCH_STEP_OPEN_STREAM), (.closeDescriptors, LAUNCH_STEP_CLOSE_DESCRIPTORS),
            (.notDumpable, LAUNCH_STEP_NOT_DUMPABLE), (.moveDescriptors, LAUNCH_STEP_MOVE_DESCRIPTORS),
            (.controllingTerminal, LAUNCH_STEP_CONTROLLING_TERMINAL), (.ownTerminal, LAUNCH_STEP_OWN_TERMINAL),
            (.parent, LAUNCH_STEP_PARENT), (.commit, LAUNCH_STEP_COMMIT),
            (.report, LAUNCH_STEP_REPORT), (.signalMask, LAUNCH_STEP_SIGNAL_MASK), (.execute, LAUNCH_STEP_EXECUTE),
            (.confirm, LAUNCH_STEP_CONFIRM), (.verifyOutside, LAUNCH_STEP_VERIFY_OUTSIDE), (.wait, LAUNCH_STEP_WAIT),
        ]
        for (swift, c) in pairs {
            #expect(swift.rawValue == c.rawValue, "\(swift)")
            #expect(!swift.description.hasPrefix("step"), "\(swift) has a name")
        }
    }
}
