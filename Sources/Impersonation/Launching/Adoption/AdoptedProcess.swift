import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// A job that an earlier daemon has launched: no child of this process, so only the kernel's own memory of its end tells
/// how it ended (`PIDFD_GET_INFO` with `PIDFD_INFO_EXIT`, Linux 6.15).
final class AdoptedProcess: ProcessControl {
    private struct State {
        var end: Result<ExitReport, LaunchError>?
        var waiters: [CheckedContinuation<Result<ExitReport, LaunchError>, Never>] = []
    }

    /// Where all of `/proc` is looked at.
    private static let scanners = BlockingWorkers(name: "impersonation-ad", maximumThreads: 4)

    /// How long whoever is its parent now may take to reap it, which is when the kernel tells.
    private static let reapingPatience = Duration.seconds(5)

    private let child: StartedChild
    private let tree: ProcessTree
    private let backend: LaunchBackend
    private let reactor: Reactor
    private let state = Mutex(State())

    init(_ child: StartedChild, in group: ControlGroup?, backend: LaunchBackend, on reactor: Reactor) {
        self.child = child
        self.backend = backend
        self.reactor = reactor
        tree = ProcessTree(leader: child.processID, group: group)
    }

    /// Begins to wait for the end.
    func startWaiting() {
        do throws(Errno) {
            try reactor.wait(for: child.processDescriptor.rawValue, .reading) { [self] _ in
                findStatus(until: .now + Self.reapingPatience, .milliseconds(1))
            }
        } catch {
            _ = reactor.alarm(at: .now + .milliseconds(100)) { [self] in startWaiting() }
        }
    }

    private func findStatus(until deadline: ContinuousClock.Instant, _ delay: Duration) {
        var exit = launch_exit()
        let result = unsafe launch_exit_of_reaped(child.processDescriptor.rawValue, &exit)
        if result == 0 {
            let status: TerminationStatus =
                exit.code == CLD_EXITED
                ? .exited(exit.status)
                : .signaled(Signal(rawValue: exit.status), coreDumped: exit.code == CLD_DUMPED)
            return finish(.success(ExitReport(status: status)))
        }
        // Only -ENODATA may change: it has not been reaped yet.
        guard result == -ENODATA, .now < deadline else {
            return finish(
                .failure(
                    LaunchError(
                        .statusLost,
                        step: .wait,
                        errno: Errno(rawValue: -result),
                        backend: backend,
                        message:
                            "the job has ended, but it was no child of this daemon and the kernel does not tell how; Linux "
                            + "6.15 does, and the system helper on any kernel"
                    )
                )
            )
        }
        _ = reactor.alarm(at: .now + delay) { [self] in findStatus(until: deadline, min(delay * 2, .milliseconds(100)))
        }
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

    /// Nobody here keeps the number from being reused once the process has been reaped, so groups and sessions are looked at
    /// only while it runs, and their members are signalled by descriptors of their own.
    func send(_ signal: Signal, to target: SignalTarget) throws(Errno) {
        let result: Int32 =
            switch target {
            case .process: launch_signal(child.processDescriptor.rawValue, signal.rawValue)
            case .tree where tree.group != nil: signalTree(signal)
            case .group, .tree: child.isRunning ? signalTree(signal) : -ESRCH
            }
        guard result == 0 else { throw Errno(rawValue: -result) }
    }

    private func signalTree(_ signal: Signal) -> Int32 {
        if let group = tree.group {
            if signal == .kill {
                group.kill()
                return 0
            }
            return group.signal(signal.rawValue) > 0 ? 0 : -ESRCH
        }
        SessionScan.signal(signal.rawValue, treeOf: child.processID)
        return launch_signal(child.processDescriptor.rawValue, signal.rawValue)
    }

    func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        _ = await Self.scanners.performToTheEnd(deadline: nil) { [self] in
            try? send(.terminate, to: .tree)
            try? send(.resume, to: .tree)
        }
        let alarm = reactor.alarm(at: .now + gracePeriod) { [self] in
            Task { _ = await Self.scanners.performToTheEnd(deadline: nil) { [self] in try? send(.kill, to: .tree) } }
        }
        defer { reactor.cancel(alarm) }
        let report = try await exitReport()
        tree.group?.kill()
        return report
    }

    /// The first end counts.
    private func finish(_ end: Result<ExitReport, LaunchError>) {
        let waiters = state.withLock { state in
            if state.end == nil { state.end = end }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: end) }
    }

    var reference: JobReference? { .of(child, controlGroup: tree.group?.path) }

    func takeStandardInput() -> FileDescriptor? { nil }

    func takeStandardOutput() -> FileDescriptor? { nil }

    func takeStandardError() -> FileDescriptor? { nil }
}
