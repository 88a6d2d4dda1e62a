import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

/// What launchers start is held to the same by ``ProcessLauncherConformance``.
@Suite("A job that was taken over and that two end at once", .testBed)
struct JoinedEndTests {
    @Test("is asked once, and has the shorter of two times")
    func adopted() async throws {
        let heard = freshPath("heard")
        let script = """
            count=0; trap 'count=$((count + 1)); echo $count >> \(heard); [ $count -lt 2 ] || exit 7' TERM
            echo ready >> \(heard); while :; do sleep 0.05; done
            """
        var command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
        command.daemonEnd = .goOn
        let (launcher, person) = (SetUIDLauncher(), try await TestBed.alice.identity)
        let process = try await launcher.launch(command, as: person)
        try await wait(for: "ready\n", in: heard)
        let adopted = try await launcher.adopt(#require(process.reference), as: person)
        let patient = Task { try? await adopted.terminate(gracePeriod: ample) }
        try await wait(for: "ready\n1\n", in: heard)
        // An older kernel does not tell whoever has taken a job over how it has ended.
        _ = try? await adopted.terminate(gracePeriod: .milliseconds(500))
        _ = await patient.value
        #expect(try await process.exitReport().status == .signaled(.kill))
        #expect(try ProcFile.read(heard) == "ready\n1\n")
    }

    private func wait(for text: String, in file: FilePath) async throws {
        let deadline = ContinuousClock.now + ample
        while (try? ProcFile.read(file)) != text {
            try #require(ContinuousClock.now < deadline)
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}
