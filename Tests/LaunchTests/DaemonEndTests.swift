import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The end of a daemon that launches by itself", .testBed)
struct DaemonEndTests {
    /// Has a daemon launch a job, and end.
    private func leaveJob(_ policy: DaemonEndPolicy, _ isolation: SetUIDLauncher.Isolation) async throws -> JobReference
    {
        let note = freshPath("reference").string
        await #expect(processExitsWith: .success) {
            [note = note as String, ends = (policy == .end) as Bool, isDirect = (isolation == .direct) as Bool] in
            var command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
            command.daemonEnd = ends ? .end : .goOn
            let process = try await SetUIDLauncher(isolation: isDirect ? .direct : .isolated)
                .launch(command, as: TestBed.alice.identity)
            let reference = try #require(process.reference)
            try writeFile(String(decoding: try JSONEncoder().encode(reference), as: UTF8.self), to: FilePath(note))
        }
        return try JSONDecoder().decode(JobReference.self, from: Data(try ProcFile.read(FilePath(note)).utf8))
    }

    private func isGone(_ reference: JobReference) -> Bool { ProcessStart.time(of: reference.processID) == nil }

    @Test("ends a job that is to end with it", arguments: everyIsolation)
    func end(_ isolation: SetUIDLauncher.Isolation) async throws {
        let reference = try await leaveJob(.end, isolation)
        try await wait { isGone(reference) }
    }

    @Test("leaves a job to the next daemon that is to go on", arguments: everyIsolation)
    func goOn(_ isolation: SetUIDLauncher.Isolation) async throws {
        let reference = try await leaveJob(.goOn, isolation)
        #expect(!isGone(reference))
        let launcher = SetUIDLauncher(isolation: isolation)
        let error = await #expect(throws: LaunchError.self) {
            try await launcher.adopt(reference, as: TestBed.bob.identity)
        }
        #expect(
            error?.description
                .hasPrefix("verificationFailed: could not take over the job as bob, step verifyOutside: process")
                == true
        )
        let process = try await launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(process.processID.rawValue == reference.processID)
        try await process.terminate(gracePeriod: .seconds(5))
        try await wait { isGone(reference) }
    }
}
