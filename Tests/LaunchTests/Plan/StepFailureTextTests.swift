import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("What a failed step means to a person")
struct StepFailureTextTests {
    @Test(
        "of a switch to an id without a place in the user namespace names the map that lacks it",
        arguments: [
            (.setUserID(7), "/proc/self/uid_map"), (.setEffectiveUserID(7), "/proc/self/uid_map"),
            (.setGroupID(7), "/proc/self/gid_map"), (.setGroups([7]), "/proc/self/gid_map"),
        ] as [(ChildOperation, String)]
    )
    func unmapped(_ operation: ChildOperation, _ map: String) {
        let text = StepFailureText.describe(operation, errno: .invalidArgument)
        #expect(
            text
                == "the id has no place in the user namespace of the daemon (\(map)); map it, or run the daemon outside"
        )
        #expect(StepFailureText.describe(operation, errno: .notPermitted).contains("the daemon lacks CAP_SET"))
    }

    @Test("of a program that is being written tells that", .testBed)
    func busyProgram() async throws {
        let path = freshPath("busy")
        let file = try FileDescriptor.open(
            path,
            .writeOnly,
            options: [.create, .closeOnExec],
            permissions: [.ownerReadWriteExecute, .groupReadExecute, .otherReadExecute]
        )
        defer { try? file.close() }
        let error = try await launchError(Command(.path(path)), as: TestBed.alice.identity)
        #expect(error.step == .execute)
        #expect(error.errno == .textFileBusy)
        #expect(
            error.message
                == "\(path) is open for writing, so nobody can execute it; start the job again when it is closed"
        )
    }

    @Test("has something to do about it, whatever the kernel says")
    func remedies() {
        let operations: [ChildOperation] = [
            .execute(["/x"]), .setUserID(7), .emptyBoundingSet,
            .openStream("/x", flags: 0, mode: .ownerReadWrite, at: 0),
            .openStream("/x", flags: 1, mode: .ownerReadWrite, at: 1),
        ]
        for operation in operations {
            for number in Int32(1)...133 {
                let text = StepFailureText.describe(operation, errno: Errno(rawValue: number))
                #expect(text.contains("; "), "\(operation) and \(number): \(text)")
            }
        }
    }
}
