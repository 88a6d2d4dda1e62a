import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchProtocol

@Suite("What only a job is to know", .testBed)
struct HelperResidueTests {
    /// A way through the helper to a job.
    struct Route: CustomTestStringConvertible, Sendable {
        let way: LaunchWay
        /// Whether the session is there already that the job shares with others.
        var isPrepared = false
        var policy: [String] = []

        var testDescription: String {
            "\(way.rawValue)\(isPrepared ? ", open" : "")\(policy.isEmpty ? "" : ", certain programs")"
        }
    }

    private static let routes = [
        Route(way: .helperAsRoot), Route(way: .helperWithTwoCapabilities), Route(way: .session),
        Route(way: .sharedSession), Route(way: .sharedSession, isPrepared: true),
        Route(way: .helperAsRoot, policy: ["executable-directories = /usr/bin /bin", "environment = SHOT OTHER"]),
    ]

    /// A process with all that it has started, and they have, without a job.
    private func descendants(of process: pid_t, without job: pid_t) -> [pid_t] {
        process == job
            ? []
            : [process] + KeptSessionProcesses.children(of: process).flatMap { descendants(of: $0, without: job) }
    }

    @Test(
        "is in no process of the helper while it runs, be it an argument or a variable, in a message or in memory of its own",
        arguments: routes,
        [0, 1, 3]
    )
    func residue(_ route: Route, _ large: Int) async throws {
        let way = route.way
        let helper = try RunningHelper(try #require(way.helper), policy: way.policy + route.policy + ["peers = 0"])
        let launcher = way.launcher(helper.socket)
        if route.isPrepared { try await way.prepare(launcher) }
        let secrets = (0..<2).map { _ in "only-the-job-\(UInt64.random(in: 0...UInt64.max))-knows-this" }
        var command = patient(Command(.path("/bin/sh"), arguments: ["-c", "sleep 100000; : \(secrets[0])"]))
        var variables = ["SHOT": secrets[1]]
        // Of one, memory is freed and stays this process's; of several, it goes back to the kernel.
        if large > 0 { variables["OTHER"] = String(repeating: "x", count: 100 << 10) }
        command.environment = .export(variables)
        command.arguments += (1..<max(large, 1)).map { "\($0)" + String(repeating: "y", count: 100 << 10) }
        let job = try await launcher.launch(command, as: TestBed.alice.identity)
        let number = job.processID.rawValue
        let processes = descendants(of: helper.process, without: number)
        let monitor = try ProcessStat(of: number).parent
        #expect(processes.contains(monitor))
        for secret in secrets {
            for process in processes {
                do {
                    // Whoever has forked the process with the job may come to it after that.
                    let isClean = try await isSoon { try ProcessMemory.places(of: secret, in: process) == [] }
                    #expect(isClean, "process \(process) has it")
                } catch let error as Errno where process != monitor {
                    // One that closes descriptors aside ends when it has.
                    #expect([.noSuchProcess, .noSuchFileOrDirectory].contains(error))
                }
            }
            // What is there is found.
            #expect(try !ProcessMemory.places(of: secret, in: number).isEmpty)
        }
        #expect(secrets.allSatisfy { !helper.log.contains($0) })
        _ = try await job.terminate(gracePeriod: .zero)
    }
}
