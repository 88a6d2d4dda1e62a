import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

/// A call of `sudo` with the daemon's own account and rights.
package enum SudoCall {
    /// What a call has come to.
    package struct Answer: Sendable {
        /// The exit status; `nil` when it was ended by a signal.
        package let status: Int32?

        /// The beginning of what it has written, to standard output and standard error.
        package let output: String
    }

    /// All that `sudo` gets of an environment: its messages are read.
    private static let environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]

    private static let outputLimit = 16 * 1_024

    /// How long the end of one that was killed is waited for.
    private static let reapingTime = Duration.seconds(1)

    /// Starts it.
    ///
    /// - Parameters:
    ///   - arguments: Its path and its arguments.
    ///   - streams: Its standard streams.
    ///   - group: The cgroup it is cloned into.
    ///   - trampoline: The image that brings it there.
    /// - Returns: The child, and the steps that one that fails counts by.
    /// - Throws: `TrampolineStart.Failure` when there is no child.
    static func start(
        _ arguments: [String],
        streams: [Int32],
        into group: ControlGroup? = nil,
        with trampoline: Trampoline
    ) throws(TrampolineStart.Failure) -> (started: TrampolineStart, steps: [ChildOperation]) {
        let plan = ChildPlan(
            executables: [FilePath(arguments[0])],
            workingDirectory: "/",
            fallbackDirectory: nil,
            streamFiles: [],
            errorFollowsOutput: false,
            niceness: 0,
            fileModeCreationMask: [.groupWrite, .otherWrite],
            resourceLimits: [],
            noNewPrivileges: false,
            emptiesBoundingSet: false
        )
        let steps = plan.helping(from: DaemonFacts.current())
        guard let encoded = try? EncodedPlan(steps, kind: .keepAccount) else {
            throw TrampolineStart.Failure(step: LAUNCH_STEP_PREPARE, errno: .argListTooLong)
        }
        let started = try TrampolineStart(
            trampoline,
            encoded,
            placement: { ChildPlan.placement(of: streams, keeping: $0) },
            arguments: ArgumentVector(arguments),
            environment: ArgumentVector(environment),
            into: group
        )
        return (started, steps)
    }

    private static let workers = BlockingWorkers(name: "sudo-call", maximumThreads: 4)

    /// Runs it to its end, on a thread of its own.
    ///
    /// - Parameters:
    ///   - arguments: Its path and its arguments.
    ///   - patience: How long it may take before it is killed.
    /// - Returns: What it has come to; `nil` when it could not be started, did not end in time, or the task was cancelled.
    package static func answer(_ arguments: [String], for patience: Duration) async -> Answer? {
        (try? await workers.perform(deadline: nil) { run(arguments, for: patience) }) ?? nil
    }

    /// Runs it to its end, on a thread that may block.
    ///
    /// - Parameters:
    ///   - arguments: Its path and its arguments.
    ///   - patience: How long it may take before it is killed.
    /// - Returns: What it has come to; `nil` when it could not be started, or did not end in time.
    static func run(_ arguments: [String], for patience: Duration) -> Answer? {
        guard let trampoline = try? Trampoline.shared(), let reactor = try? Reactor.shared(),
            let (reading, writing) = try? OwnedDescriptor.pipe()
        else { return nil }
        let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0, let input = try? OwnedDescriptor(moving: null) else { return nil }
        let streams = [input.rawValue, writing.rawValue, writing.rawValue]
        guard let (started, _) = try? start(arguments, streams: streams, with: trampoline) else { return nil }
        writing.closeNow()
        let deadline = ContinuousClock.now + patience
        let output = read(from: reading, until: deadline)
        let status = wait(for: started.child, until: deadline)
        guard let status else {
            SupervisedProcess(started.child, of: getuid(), streams: .none, on: reactor)
                .discardBlocking(within: reapingTime)
            return nil
        }
        return Answer(status: status.code == CLD_EXITED ? status.status : nil, output: output)
    }

    private static func read(from descriptor: OwnedDescriptor, until deadline: ContinuousClock.Instant) -> String {
        var bytes: [UInt8] = []
        while poll(descriptor.rawValue, until: deadline) {
            let count = unsafe withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 1) { buffer in
                let count = unsafe Glibc.read(descriptor.rawValue, buffer.baseAddress, buffer.count)
                if count > 0, bytes.count < outputLimit { unsafe bytes.append(contentsOf: buffer.prefix(count)) }
                return count
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func wait(for child: StartedChild, until deadline: ContinuousClock.Instant) -> launch_exit? {
        var exit = launch_exit()
        let descriptor = child.processDescriptor.rawValue
        while poll(descriptor, until: deadline) {
            let result = unsafe launch_reap(descriptor, &exit)
            if result == 1 { return exit }
            // A host that ignores SIGCHLD, or waits for any child, has taken the status. Newer kernels still know it.
            if result < 0 { return unsafe launch_exit_of_reaped(descriptor, &exit) == 0 ? exit : nil }
            usleep(1_000)
        }
        return nil
    }

    private static func poll(_ descriptor: Int32, until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let rest = deadline - ContinuousClock.now
            guard rest > .zero else { return false }
            let count = unsafe Glibc.poll(&event, 1, Int32(clamping: rest.milliseconds))
            if count < 0, errno == EINTR { continue }
            return count > 0
        }
    }
}
