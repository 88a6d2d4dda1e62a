import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("An account that holds calls of sudo up", .testBed)
struct SudoHoldUpTests {
    /// A profile that stops every call once there is a file, and counts them.
    private static func hanging(_ flag: String) -> String {
        "if [ -e \(flag) ]; then echo x >> \(flag).calls; exec sleep 1000; fi\n"
    }

    /// A place that the account and the daemon may write.
    private static func sharedPlace() throws -> String {
        let place = "/bed/held-\(UInt64.random(in: 0...UInt64.max))"
        try #require(unsafe mkdir(place, 0o755) == 0 && chmod(place, 0o777) == 0)
        return place + "/flag"
    }

    private static func calls(_ flag: String) -> Int {
        ((try? ProcFile.read(FilePath(flag + ".calls"))) ?? "").split(separator: "\n").count
    }

    private static func holdUp(_ flag: String) throws {
        try FileDescriptor.open(FilePath(flag), .writeOnly, options: .create, permissions: .ownerReadWrite).close()
    }

    /// Starts a script that says when it is ready.
    private static func start(
        _ script: String,
        _ profile: SudoProfile,
        as person: TestBed.Person = TestBed.alice
    ) async throws -> LaunchedProcess {
        let ready = freshPath("ready")
        let command = Command(
            .path("/bin/sh"),
            arguments: ["-c", "\(script)\necho x > \(ready); while :; do sleep 0.05; done"]
        )
        let process = try await SudoLauncher.ofTheBed(profile: profile).launch(patient(command), as: person.identity)
        while (try? ProcFile.read(ready))?.isEmpty ?? true { try await Task.sleep(for: .milliseconds(5)) }
        return process
    }

    @Test("with an agent that its profile starts does not make a signal fail that was sent")
    func agent() async throws {
        let profile = try AccountProfile("sleep 30 &\n")
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            // None that sudo relays.
            let process = try await Self.start("trap 'exit 9' ALRM", .login)
            try process.send(Signal(rawValue: SIGALRM), to: .process)
            #expect(try await process.exitReport().status == .exited(9))
        }
        profile.remove()
    }

    @Test("keeps no job of another account waiting for its end")
    func others() async throws {
        let flag = try Self.sharedPlace()
        let profile = try AccountProfile(Self.hanging(flag))
        await #expect(processExitsWith: .success) { [flag = flag as String] in
            becomeUnprivilegedDaemon()
            var held: [LaunchedProcess] = []
            for _ in 0..<8 { held.append(try await Self.start("trap 'exit 9' TERM", .login)) }
            let other = try await Self.start("trap 'exit 9' TERM", .account, as: TestBed.bob)
            try Self.holdUp(flag)
            let ended = try await withThrowingTaskGroup(of: String.self) { tasks in
                for process in held {
                    tasks.addTask {
                        _ = try await process.terminate(gracePeriod: .seconds(60))
                        return "held"
                    }
                }
                // As many as there are threads for one account.
                while Self.calls(flag) < 4 { try await Task.sleep(for: .milliseconds(5)) }
                tasks.addTask {
                    let report = try await other.terminate(gracePeriod: .seconds(60))
                    return "other: \(report.status)"
                }
                return try await tasks.reduce(into: []) { $0.append($1) }
            }
            #expect(ended.first == "other: \(TerminationStatus.exited(9))")
            #expect(ended.count == 9)
        }
        profile.remove()
    }

    @Test("does so once for each signal that is under way, and its job is ended by another way then")
    func rest() async throws {
        let flag = try Self.sharedPlace()
        let profile = try AccountProfile(Self.hanging(flag))
        await #expect(processExitsWith: .success) { [flag = flag as String] in
            becomeUnprivilegedDaemon()
            let process = try await Self.start("trap '' TERM", .login)
            try Self.holdUp(flag)
            let report = try await process.terminate(gracePeriod: .zero)
            #expect(report.status == .signaled(.kill, coreDumped: false))
            #expect(report.remainingProcesses == 0)
            // The polite one and the first of the kill; no third one to have it go on, and no fourth.
            #expect((1...2).contains(Self.calls(flag)), "\(Self.calls(flag))")
        }
        profile.remove()
    }
}
