import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("A launch that is withdrawn", .testBed)
struct WithdrawalTests {
    @Test("either has not run and says so, or runs to its end, whenever it is cancelled", arguments: everyIsolation)
    func anyMoment(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        let directory = freshPath("markers").string
        await #expect(processExitsWith: .success) {
            [isolation = isolation as String, directory = directory as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            try await cancelAtAnyMoment(isolation, markers: FilePath(directory))
        }
    }

    @Test("has not run either when the daemon may not kill what has the account's ids already")
    func withoutKill() async throws {
        let directory = freshPath("markers").string
        await #expect(processExitsWith: .success) { [directory = directory as String] in
            _ = try await warmedUp(.isolated)
            #expect(Fault(.confirm, "kill").install(EPERM))
            #expect(Fault(.confirm, "pidfd_send_signal").install(EPERM))
            try await cancelAtAnyMoment(.isolated, markers: FilePath(directory))
        }
    }

    @Test("before it begins makes no child")
    func beforehand() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.isolated)
            for isolation in everyIsolation {
                let launch = Task {
                    while !Task.isCancelled { await Task.yield() }
                    return try await launchError(
                        Command(.path("/bin/true")),
                        as: person,
                        SetUIDLauncher(isolation: isolation)
                    )
                }
                launch.cancel()
                #expect(try await launch.value.code == .cancelled)
                #expect(!hasChildren())
            }
        }
    }

    @Test("is refused by the child, whichever of the two takes the token first")
    func token() throws {
        let token = try LaunchToken()
        #expect(linux_token_take(token.descriptor.rawValue) == 1)
        #expect(!token.withdraw())
        let other = try LaunchToken()
        #expect(other.withdraw())
        #expect(other.withdraw())
        #expect(linux_token_take(other.descriptor.rawValue) == 0)
        var result = launch_spawn_result()
        #expect(unsafe launch_withdraw(&result) == 1)
        #expect(unsafe launch_withdraw(&result) == 1)
        result.token = LAUNCH_TOKEN_COMMITTED.rawValue
        #expect(unsafe launch_withdraw(&result) == 0)
    }

    @Test("leaves nothing of the group of its child")
    func group() async throws {
        let marker = freshPath("group")
        let script = "(trap '' TERM; echo $$ > \(marker); while :; do sleep 0.05; done) & exec sleep 1000"
        let process = try await SetUIDLauncher()
            .launch(patient(Command(.path("/bin/sh"), arguments: ["-c", script])), as: TestBed.alice.identity)
        while !exists(marker) { await Task.yield() }
        let report = try await process.terminate(gracePeriod: .milliseconds(200))
        #expect(report.status == .signaled(.terminate, coreDumped: false))
        #expect(throws: Errno.noSuchProcess) { try process.send(.kill, to: .group) }
        // Those who were killed are the init process's to reap.
        while kill(-process.processID.rawValue, 0) == 0 { await Task.yield() }
    }
}

/// Cancels launches at one moment after the other and looks at what became of each.
private func cancelAtAnyMoment(_ isolation: SetUIDLauncher.Isolation, markers: FilePath) async throws {
    let person = try await warmedUp(isolation)
    #expect(unsafe mkdir(markers.string, 0o777) == 0)
    #expect(unsafe chmod(markers.string, 0o777) == 0)
    var cancelled = 0
    for round in 0..<120 {
        let marker = markers.appending("\(round)")
        var command = patient(Command(.path("/bin/sh"), arguments: ["-c", "echo ran > \(marker)"]))
        command.workingDirectory = .path("/")
        let launch = Task { [command] () throws(LaunchError) in
            try await SetUIDLauncher(isolation: isolation).launch(command, as: person)
        }
        let moment = ContinuousClock.now + .microseconds(round * 20)
        while ContinuousClock.now < moment { await Task.yield() }
        launch.cancel()
        switch await launch.result {
        case .success(let process):
            #expect(try await process.exitReport().status == .exited(0))
            #expect(exists(marker))
        case .failure(let error):
            let error = try #require(error as? LaunchError)
            #expect(error.code == .cancelled)
            // A child that could not be killed ends by itself, and has to be waited for.
            while hasChildren() { await Task.yield() }
            #expect(!exists(marker))
            cancelled += 1
        }
    }
    #expect(cancelled > 0)
}
