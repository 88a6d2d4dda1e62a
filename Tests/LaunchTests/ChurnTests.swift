import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// Launches while everything around them changes all the time: threads come and go, each opens and closes descriptors
/// without close-on-exec, allocates and prints.
///
/// The suite makes some hundred launches each way; `IMPERSONATION_CHURN=20000` makes that many.
@Suite("Launches under churn", .testBed)
struct ChurnTests {
    private static var launches: Int {
        unsafe getenv("IMPERSONATION_CHURN").flatMap { unsafe Int(String(cString: $0)) } ?? 400
    }

    private static let concurrency = 8

    @Test(
        "all end with their own status, and leave no zombie, no descriptor and no thread that hangs",
        arguments: [LaunchWay.isolated, .direct, .helperAsRoot, .helperWithTwoCapabilities]
    )
    func churn(_ way: LaunchWay) async throws {
        let helper = try way.helper.map { try RunningHelper($0, policy: ["peers = 0"]) }
        let socket = helper?.socket.string ?? ""
        let launches = Self.launches
        let way = way.rawValue
        await #expect(processExitsWith: .success) {
            [way = way as String, socket = socket as String, launches = launches as Int] in
            let launcher = try #require(LaunchWay(rawValue: way)).launcher(FilePath(socket))
            let person = try await TestBed.alice.identity
            for _ in 0..<20 { try await Self.launch(3, launcher, person) }
            let before = try await openDescriptorCount()
            let churn = Churn()
            churn.start()
            let slowest = try await Self.run(launches, launcher, person)
            churn.stop()
            print("\(way): \(launches) launches, the slowest took \(slowest)")
            #expect(!hasChildren())
            // What one launch leaks, thousands leak thousands of times.
            #expect(try await openDescriptorCount() < before + 20)
        }
        if let helper {
            let deadline = ContinuousClock.now + ample
            while helper.monitors.count > 8, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(helper.monitors.count <= 8)
            #expect(helper.stop() == 0)
        }
    }

    /// - Returns: How long the slowest took from the launch to its end.
    private static func run(
        _ launches: Int,
        _ launcher: any ProcessLauncher,
        _ person: ExecutionIdentity
    ) async throws -> Duration {
        try await withThrowingTaskGroup(of: Duration.self) { group in
            for first in 0..<concurrency {
                group.addTask {
                    var slowest = Duration.zero
                    for number in stride(from: first, to: launches, by: concurrency) {
                        let begin = ContinuousClock.now
                        try await launch(Int32(number % 256), launcher, person)
                        slowest = max(slowest, .now - begin)
                    }
                    return slowest
                }
            }
            return try await group.reduce(.zero, max)
        }
    }

    private static func launch(
        _ status: Int32,
        _ launcher: any ProcessLauncher,
        _ person: ExecutionIdentity
    ) async throws {
        var command = patient(Command(.path("/bin/sh"), arguments: ["-c", "exit \(status)"]))
        command.workingDirectory = .path("/")
        let process = try await launcher.launch(command, as: person)
        let exit = try await process.exitReport()
        try #require(exit.status == .exited(status))
    }
}

/// Threads that come and go.
private final class Churn: Sendable {
    private let isStopped = Mutex(false)
    private let running = Mutex(0)

    func start() {
        for _ in 0..<3 { again() }
    }

    func stop() {
        isStopped.withLock { $0 = true }
        while running.withLock({ $0 }) > 0 { usleep(1_000) }
    }

    /// One thread, which starts the next one when it ends.
    private func again() {
        running.withLock { $0 += 1 }
        let hasStarted = OwnThread.start("churn") { [self] in
            for _ in 0..<50 {
                let descriptors = (0..<8).map { _ in unsafe open("/etc/passwd", O_RDONLY) }
                var text = [UInt8](repeating: 0, count: 4_096)
                if let first = descriptors.first { _ = unsafe read(first, &text, text.count) }
                _ = String(decoding: text, as: UTF8.self).split(separator: "\n").map { $0.uppercased() }
                // Locks of stdio, taken and given back.
                fflush(nil)
                for descriptor in descriptors { close(descriptor) }
            }
            usleep(500)
            if !isStopped.withLock({ $0 }) { again() }
            running.withLock { $0 -= 1 }
        }
        if !hasStarted { running.withLock { $0 -= 1 } }
    }
}
