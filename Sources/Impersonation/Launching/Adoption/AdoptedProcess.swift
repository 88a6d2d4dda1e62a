import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

/// A job that an earlier daemon has launched: no child of this process, so only the kernel's own memory of its end tells
/// how it ended (`PIDFD_GET_INFO` with `PIDFD_INFO_EXIT`, Linux 6.15).
final class AdoptedProcess: ProcessControl {
    /// Where all of `/proc` is looked at.
    private static let scanners = BlockingWorkers(name: "impersonation-ad", maximumThreads: 4)

    /// How long whoever is its parent now may take to reap it, which is when the kernel tells.
    private static let reapingPatience = Duration.seconds(5)

    /// How long processes that were killed may take to go; some hang in the kernel.
    private static let remainderPatience = Duration.seconds(10)

    /// How long a look at all processes may take before the first process is killed without it.
    private static let scanPatience = Duration.seconds(5)

    private let child: StartedChild
    private let tree: ProcessTree
    private let backend: LaunchBackend
    private let reactor: Reactor
    private let end = JobEnd()
    private let request = TerminationRequest()

    init(
        _ child: StartedChild,
        in group: ControlGroup?,
        of userID: UInt32,
        backend: LaunchBackend,
        on reactor: Reactor
    ) {
        self.child = child
        self.backend = backend
        self.reactor = reactor
        tree = ProcessTree(leader: child, group: group, of: userID)
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
        try await end.value()
    }

    var hasEnded: Bool { end.isKnown }

    var isRunning: Bool { !end.isKnown && child.isRunning }

    /// Nobody here keeps the number from being reused once the process has been reaped, so groups and sessions are looked at
    /// only while it runs, and their members are signalled by descriptors of their own.
    func send(_ signal: Signal, to target: SignalTarget) throws(Errno) {
        let result =
            switch target {
            case .process: child.send(signal.rawValue)
            case .group: child.sendToGroup(signal.rawValue)
            case .tree: signal == .kill ? tree.kill() : tree.signal(signal.rawValue)
            }
        guard result == 0 else { throw Errno(rawValue: -result) }
    }

    func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        let deadline = ContinuousClock.now + max(.zero, gracePeriod)
        // Before anything that has to wait for its turn.
        let alarm = reactor.alarm(at: deadline) { [self] in
            tree.group?.kill()
            Task.detached { [self] in await kill() }
            // Where no thread is free in time to look for the others first.
            _ = reactor.alarm(at: .now + Self.scanPatience) { [self] in _ = child.send(SIGKILL) }
        }
        await request.make(until: deadline) { [self] in await signalTree(.terminate) }
        // Whoever is stopped cannot end politely.
        await signalTree(.resume)
        let outcome = await Result { () async throws(LaunchError) in
            let patience = max(deadline, .now) + Self.remainderPatience
            return try await end.value(askingAt: patience, on: reactor) { [self] in hanging }
        }
        reactor.cancel(alarm)
        let remaining = await endRemainder()
        var report = try outcome.get()
        report.remainingProcesses = remaining
        return report
    }

    /// Signals all of the job, on a thread that may look at all processes.
    ///
    /// - Returns: Whether somebody got the signal.
    @discardableResult
    private func signalTree(_ signal: Signal) async -> Bool {
        let isSent = await Self.scanners.performToTheEnd(deadline: nil) { [self] in
            (try? send(signal, to: .tree)) != nil
        }
        return (try? isSent.get()) ?? false
    }

    private func kill() async {
        _ = await Self.scanners.performToTheEnd(deadline: nil) { [tree] in tree.kill() }
    }

    private var hanging: LaunchError? {
        guard child.isRunning else { return nil }
        return LaunchError(
            .stillRunning,
            step: .wait,
            backend: backend,
            message: "process \(child.processID) was to be killed and has not ended: it stands in the kernel, mostly "
                + "for a file system that does not answer (FUSE, NFS), and ends when that does, or the daemon has no right to "
                + "signal it (CAP_KILL)"
        )
    }

    /// Kills what is left, also where the first process has ended politely: those that were found while it ran are known.
    ///
    /// - Returns: How many processes hang in the kernel.
    private func endRemainder() async -> Int {
        guard end.isKnown else { return 0 }
        let patience = ContinuousClock.now + Self.remainderPatience
        var delay = Duration.milliseconds(1)
        while true {
            await kill()
            let remaining = await Self.scanners.performToTheEnd(deadline: nil) { [tree] in tree.countRemainder() }
            // Without a thread nobody can tell.
            let count = (try? remaining.get()) ?? 1
            guard count > 0, ContinuousClock.now < patience else { return count }
            await reactor.pause(delay)
            delay = min(delay * 2, .milliseconds(100))
        }
    }

    private func finish(_ outcome: JobEnd.Outcome) {
        var outcome = outcome
        if case .success(var report) = outcome {
            report.treePeaks = tree.peaks
            outcome = .success(report)
        }
        // The daemon that made the group is gone, and this one may exit as soon as it knows.
        tree.group?.removal.perform(aside: reactor)
        end.settle(outcome)
    }

    var reference: JobReference? { .of(child, controlGroup: tree.group?.path) }

    func takeStandardInput() -> FileDescriptor? { nil }

    func takeStandardOutput() -> FileDescriptor? { nil }

    func takeStandardError() -> FileDescriptor? { nil }
}
