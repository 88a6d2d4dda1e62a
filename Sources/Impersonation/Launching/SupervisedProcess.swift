import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// A child of this process, waited for by the reactor from its start to its end.
///
/// It is reaped as soon as it has ended, whether or not anybody asks, and is only ever signalled by its pidfd, which
/// cannot come to mean another process.
final class SupervisedProcess: ProcessControl {
    private struct State {
        var end: Result<ExitReport, LaunchError>?
        var waiters: [CheckedContinuation<Result<ExitReport, LaunchError>, Never>] = []
        var retryDelay: Duration = .milliseconds(1)
    }

    private static let longestRetryDelay: Duration = .seconds(1)

    private let processDescriptor: OwnedDescriptor
    private let standardInput: OwnedDescriptor?
    private let standardOutput: OwnedDescriptor?
    private let standardError: OwnedDescriptor?
    private let capturedOutput: CapturedStream?
    private let capturedError: CapturedStream?
    private let reactor: Reactor
    private let started = ContinuousClock.now
    private let inheritedPeak = SupervisedProcess.ownPeakResidentBytes()
    private let state = Mutex(State())

    /// Takes a child over.
    ///
    /// - Parameters:
    ///   - processDescriptor: The pidfd of the child.
    ///   - streams: The daemon's ends of its standard streams.
    ///   - reactor: The thread that waits for it.
    init(_ processDescriptor: OwnedDescriptor, streams: StreamPlumbing, on reactor: Reactor) {
        self.processDescriptor = processDescriptor
        self.reactor = reactor
        standardInput = streams.standardInput
        if let limit = streams.outputLimit, let pipe = streams.standardOutput {
            capturedOutput = CapturedStream(pipe, limit: limit, on: reactor)
            standardOutput = nil
        } else {
            capturedOutput = nil
            standardOutput = streams.standardOutput
        }
        if let limit = streams.errorLimit, let pipe = streams.standardError {
            capturedError = CapturedStream(pipe, limit: limit, on: reactor)
            standardError = nil
        } else {
            capturedError = nil
            standardError = streams.standardError
        }
    }

    /// Begins to read captured streams.
    ///
    /// Before the launch is confirmed, so that a job that writes a lot at once is not held up.
    func startReading() {
        capturedOutput?.start()
        capturedError?.start()
    }

    /// Begins to wait for the end of the child.
    ///
    /// - Throws: `Errno` of `epoll_ctl(2)`.
    func startWaiting() throws(Errno) {
        try reactor.wait(for: processDescriptor.rawValue, .reading) { [self] _ in reap() }
    }

    func exitReport() async throws(LaunchError) -> ExitReport {
        let result: Result<ExitReport, LaunchError> = await withCheckedContinuation { continuation in
            let end = state.withLock { state -> Result<ExitReport, LaunchError>? in
                if state.end == nil { state.waiters.append(continuation) }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
        return try result.get()
    }

    /// Ends a child that is not to run, and reaps it; in the background, when it takes longer than that.
    ///
    /// - Parameter limit: How long the caller waits at most.
    func discard(within limit: Duration) async {
        try? send(.kill)
        let outcome = try? await reactor.ready(processDescriptor.rawValue, .reading, until: ContinuousClock.now + limit)
        if outcome == .ready {
            reap()
        } else {
            try? startWaiting()
        }
    }

    /// Ends a child that is not to run, and reaps it, on a thread that may block.
    ///
    /// - Parameter limit: How long the thread blocks at most; later, the child is reaped in the background.
    func discardBlocking(within limit: Duration) {
        try? send(.kill)
        var event = pollfd(fd: processDescriptor.rawValue, events: Int16(POLLIN), revents: 0)
        let milliseconds = Int32(clamping: limit.components.seconds * 1_000)
        if unsafe poll(&event, 1, milliseconds) > 0 {
            reap()
        } else {
            try? startWaiting()
        }
    }

    func send(_ signal: Signal) throws(Errno) {
        let result = processDescriptor.withOpen { $0 < 0 ? -ESRCH : launch_signal($0, signal.rawValue) }
        guard result == 0 else { throw Errno(rawValue: -result) }
    }

    func takeStandardInput() -> FileDescriptor? { standardInput?.take() }

    func takeStandardOutput() -> FileDescriptor? { standardOutput?.take() }

    func takeStandardError() -> FileDescriptor? { standardError?.take() }

    /// The peak of this process, which a child of `CLONE_VM` begins its own account with.
    private static func ownPeakResidentBytes() -> Int64 {
        var usage = rusage()
        guard unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return .max }
        return Int64(usage.ru_maxrss) * 1_024
    }

    private func reap() {
        var exit = launch_exit()
        switch unsafe launch_reap(processDescriptor.rawValue, &exit) {
        case 1:
            finish(
                .success(
                    report(
                        exit,
                        usage: ResourceUsage(
                            wallTime: ContinuousClock.now - started,
                            userTime: .microseconds(exit.user_microseconds),
                            systemTime: .microseconds(exit.system_microseconds),
                            peakResidentBytes: exit.peak_resident_bytes > inheritedPeak
                                ? Int(exit.peak_resident_bytes) : nil
                        )
                    )
                )
            )
        case 0:
            // A tracer of the job is told first, and may keep the zombie to itself for as long as it likes. The pidfd stays
            // readable meanwhile, so it cannot be waited for.
            let delay = state.withLock { state in
                defer { state.retryDelay = min(state.retryDelay * 2, Self.longestRetryDelay) }
                return state.retryDelay
            }
            _ = reactor.alarm(at: ContinuousClock.now + delay) { [self] in reap() }
        default:
            // A host that ignores SIGCHLD, or waits for any child, has taken the status. Newer kernels still know it.
            if unsafe launch_exit_of_reaped(processDescriptor.rawValue, &exit) == 0 {
                finish(.success(report(exit, usage: nil)))
            } else {
                finish(.failure(lost(.noChildProcess)))
            }
        }
    }

    private func report(_ exit: launch_exit, usage: ResourceUsage?) -> ExitReport {
        ExitReport(
            status: exit.code == CLD_EXITED
                ? .exited(exit.status)
                : .signaled(Signal(rawValue: exit.status), coreDumped: exit.code == CLD_DUMPED),
            usage: usage,
            standardOutput: capturedOutput?.finish(),
            standardError: capturedError?.finish()
        )
    }

    private func lost(_ error: Errno) -> LaunchError {
        LaunchError(
            .statusLost,
            step: .wait,
            errno: error,
            message: "the job has ended, but its exit status was taken by somebody else in this process; do not ignore "
                + "SIGCHLD and do not wait for every child"
        )
    }

    private func finish(_ end: Result<ExitReport, LaunchError>) {
        // A handle that somebody keeps costs no descriptor once the process has ended.
        processDescriptor.closeNow()
        let waiters = state.withLock { state in
            state.end = end
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: end) }
    }
}
