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

    /// Why there is no answer.
    package enum Failure: Error, Sendable, Hashable {
        /// It could not be started, or how it ended is not to be had.
        case notAnswered

        /// It was killed, since it did not end in time.
        case notInTime
    }

    /// All that `sudo` gets of an environment.
    ///
    /// Its messages are read, and are English without any variable of the locale; one that says so would reach jobs behind a login
    /// shell (`env_check` of sudoers(5)), where it outdoes whatever their profile sets.
    private static let environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]

    /// How much of its output is kept unless more is asked for.
    package static let outputLimit = 16 * 1_024

    /// What a pipe holds, mostly.
    private static let drainLimit = 64 * 1_024

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
    ///   - limit: How many bytes of its output are kept.
    /// - Returns: What it has come to; `nil` when it could not be started, did not end in time, or the task was cancelled.
    package static func answer(
        _ arguments: [String],
        for patience: Duration,
        keeping limit: Int = outputLimit
    ) async -> Answer? {
        (try? await workers.perform(deadline: nil) { try? run(arguments, for: patience, keeping: limit) }) ?? nil
    }

    /// Runs it to its end, on a thread that may block.
    ///
    /// Its end is that of the process: what else has got hold of its output, an agent that was started on the way, may keep it for
    /// as long as it likes.
    ///
    /// - Parameters:
    ///   - arguments: Its path and its arguments.
    ///   - patience: How long it may take before it is killed.
    ///   - limit: How many bytes of its output are kept.
    /// - Returns: What it has come to.
    /// - Throws: ``Failure`` when there is no answer.
    static func run(
        _ arguments: [String],
        for patience: Duration,
        keeping limit: Int = outputLimit
    ) throws(Failure) -> Answer {
        guard let trampoline = try? Trampoline.shared(), let reactor = try? Reactor.shared(),
            let (reading, writing) = try? OwnedDescriptor.pipe()
        else { throw .notAnswered }
        let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0, let input = try? OwnedDescriptor(moving: null) else { throw .notAnswered }
        let streams = [input.rawValue, writing.rawValue, writing.rawValue]
        guard let (started, _) = try? start(arguments, streams: streams, with: trampoline) else { throw .notAnswered }
        writing.closeNow()
        var output: [UInt8] = []
        do throws(Failure) {
            let exit = try end(
                of: started.child,
                reading: reading,
                into: &output,
                keeping: limit,
                until: .now + patience
            )
            return Answer(
                status: exit.code == CLD_EXITED ? exit.status : nil,
                output: String(decoding: output, as: UTF8.self)
            )
        } catch {
            SupervisedProcess(started.child, of: getuid(), streams: .none, on: reactor)
                .discardBlocking(within: reapingTime)
            throw error
        }
    }

    /// Reads what a child writes until it has ended.
    private static func end(
        of child: StartedChild,
        reading output: OwnedDescriptor,
        into bytes: inout [UInt8],
        keeping limit: Int,
        until deadline: ContinuousClock.Instant
    ) throws(Failure) -> launch_exit {
        var isOpen = true
        while true {
            let (hasEnded, isReadable) = poll(child, isOpen ? output : nil, until: deadline)
            // Also past the deadline: one that has ended is not late.
            if let exit = try reap(child) {
                var rest = drainLimit
                while isOpen, rest > 0, poll(nil, output, until: .now).isReadable {
                    guard let count = read(output, into: &bytes, keeping: limit), count > 0 else { break }
                    rest -= count
                }
                return exit
            }
            guard ContinuousClock.now < deadline else { throw .notInTime }
            if isReadable { isOpen = read(output, into: &bytes, keeping: limit) ?? 1 > 0 }
            // A descriptor of a process is readable just before its status is to be had.
            if hasEnded { usleep(1_000) }
        }
    }

    private static func reap(_ child: StartedChild) throws(Failure) -> launch_exit? {
        var exit = launch_exit()
        let descriptor = child.processDescriptor.rawValue
        let result = unsafe launch_reap(descriptor, &exit)
        if result == 1 { return exit }
        // A host that ignores SIGCHLD, or waits for any child, has taken the status. Newer kernels still know it.
        guard result < 0 else { return nil }
        guard unsafe launch_exit_of_reaped(descriptor, &exit) == 0 else { throw .notAnswered }
        return exit
    }

    /// Reads once, and keeps the beginning of everything.
    ///
    /// - Returns: How much that was, 0 at the end; `nil` when a signal came first.
    private static func read(_ descriptor: OwnedDescriptor, into bytes: inout [UInt8], keeping limit: Int) -> Int? {
        unsafe withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 1) { buffer in
            let count = unsafe Glibc.read(descriptor.rawValue, buffer.baseAddress, buffer.count)
            if count < 0 { return errno == EINTR ? nil : 0 }
            unsafe bytes.append(contentsOf: buffer.prefix(min(count, max(0, limit - bytes.count))))
            return count
        }
    }

    /// Waits for the end of a child, or for something to read.
    private static func poll(
        _ child: StartedChild?,
        _ output: OwnedDescriptor?,
        until deadline: ContinuousClock.Instant
    ) -> (hasEnded: Bool, isReadable: Bool) {
        // A negative descriptor is left out.
        var events = [child?.processDescriptor.rawValue, output?.rawValue]
            .map { pollfd(fd: $0 ?? -1, events: Int16(POLLIN), revents: 0) }
        let rest = max(.zero, deadline - .now)
        let count = unsafe Glibc.poll(&events, 2, Int32(clamping: rest.milliseconds))
        guard count > 0 else { return (false, false) }
        return (events[0].revents != 0, events[1].revents != 0)
    }
}
