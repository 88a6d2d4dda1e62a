import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import Synchronization
import SystemPackage

/// A job that the system helper has started and looks after, as its daemon sees it: a descriptor of the process, and the
/// connection that tells its end.
final class HelpedProcess: ProcessControl {
    /// How long a job may take to go with the helper that looked after it.
    private static let farewell = Duration.seconds(10)

    /// How long processes that were killed may take to go; some hang in the kernel.
    private static let remainderPatience = Duration.seconds(10)

    /// How long the helper may take to tell how a process ended: it waits for what is left of the job and for a tracer, ten
    /// seconds each, and for a session's end, twenty at most.
    private static let tellingPatience = Duration.seconds(45)

    private let child: StartedChild
    private let connection: HelperConnection
    private let streams: JobStreams
    private let reactor: Reactor
    private let endsWithDaemon: Bool
    private let controlGroup: FilePath?
    private let adoptionSocket: FilePath?
    private let began = ContinuousClock.now
    private let end = JobEnd()
    private let isHelperGone = Atomic(false)
    private let alarm = Mutex<Reactor.Ticket?>(nil)

    init(
        _ child: StartedChild,
        over connection: HelperConnection,
        streams: StreamPlumbing = .none,
        started: StartedReport,
        endsWithDaemon: Bool,
        on reactor: Reactor
    ) {
        self.child = child
        self.connection = connection
        self.endsWithDaemon = endsWithDaemon
        controlGroup = started.controlGroup
        adoptionSocket = started.adoptionSocket
        self.reactor = reactor
        self.streams = JobStreams(streams, on: reactor)
    }

    /// Begins to serve the streams, and to wait for the end.
    func start() {
        streams.start()
        listen()
        watch()
    }

    private func listen() {
        do throws(Errno) {
            try reactor.wait(for: connection.socket.descriptor.rawValue, .reading) { [self] _ in receive() }
        } catch {
            _ = reactor.alarm(at: .now + .milliseconds(100)) { [self] in receive() }
        }
    }

    private func receive() {
        switch connection.receive() {
        case .message(.exited(let report), _): finish(outcome(of: report))
        case .nothing: listen()
        case .message, .otherVersion, .end: helperIsGone()
        }
    }

    /// Waits for the end of the first process itself: whoever is to tell how it ended may stand still.
    private func watch() {
        guard !end.isKnown else { return }
        do throws(Errno) {
            try reactor.wait(for: child.processDescriptor.rawValue, .reading) { [self] _ in processHasEnded() }
        } catch {
            _ = reactor.alarm(at: .now + .milliseconds(100)) { [self] in watch() }
        }
    }

    private func processHasEnded() {
        guard !isHelperGone.load(ordering: .relaxed) else { return finish(endWithoutHelper(hasEnded: true)) }
        giveUp(after: Self.tellingPatience)
    }

    /// A job that ends with its daemon ends with its helper too; one that outlives both is waited for by the kernel's word.
    private func helperIsGone() {
        isHelperGone.store(true, ordering: .relaxed)
        guard child.isRunning else { return finish(endWithoutHelper(hasEnded: true)) }
        if endsWithDaemon { giveUp(after: Self.farewell) }
    }

    private func giveUp(after patience: Duration) {
        guard !end.isKnown else { return }
        let alarm = reactor.alarm(at: .now + patience) { [self] in
            finish(endWithoutHelper(hasEnded: !child.isRunning))
        }
        let earlier = self.alarm.withLock { current in
            defer { current = alarm }
            return current
        }
        if let earlier { reactor.cancel(earlier) }
    }

    private func endWithoutHelper(hasEnded: Bool) -> Result<ExitReport, LaunchError> {
        var exit = launch_exit()
        let isKnown = unsafe hasEnded && launch_exit_of_reaped(child.processDescriptor.rawValue, &exit) == 0
        // What was killed with the helper did not end by itself.
        if isKnown, !endsWithDaemon || exit.code == CLD_EXITED || exit.status != SIGKILL {
            return .success(
                ExitReport(
                    status: exit.code == CLD_EXITED
                        ? .exited(exit.status)
                        : .signaled(Signal(rawValue: exit.status), coreDumped: exit.code == CLD_DUMPED)
                )
            )
        }
        let isGone = isHelperGone.load(ordering: .relaxed)
        let rest =
            switch (hasEnded, endsWithDaemon) {
            case (true, _) where !isGone: "process \(child.processID) has ended, and the system helper does not say how"
            case (true, true) where controlGroup != nil:
                "the system helper ended while the job ran, and the job was ended with it"
            case (true, true):
                "the process of the system helper that looked after the job has ended while that ran, and the first process of "
                    + "the job with it; what that has started may go on, because the job has no cgroup: look for processes of its "
                    + "session (`ps -s \(child.processID)`) and of its account"
            case (true, false): "the system helper ended while the job ran, and that has ended since, nobody knows how"
            case (false, _):
                "the system helper ended while the job ran, and process \(child.processID) of it still runs; end it by hand"
            }
        return .failure(
            LaunchError(.helperLost, step: .wait, backend: .helper, message: "\(rest); look at the helper's log")
        )
    }

    func exitReport() async throws(LaunchError) -> ExitReport {
        try await end.value()
    }

    var hasEnded: Bool { end.isKnown }

    var isRunning: Bool { !end.isKnown && child.isRunning }

    func send(_ signal: Signal, to target: SignalTarget) throws(Errno) {
        // What the job has left behind in its cgroup can be signalled when its first process has ended.
        guard !end.isKnown || target == .tree && controlGroup != nil else { throw .noSuchProcess }
        guard (1...64).contains(signal.rawValue) else { throw .invalidArgument }
        let recipient: SignalRequest.Target =
            switch target {
            case .process: .process
            case .group: .group
            case .tree: .tree
            }
        do throws(Errno) {
            try tell(.signal(SignalRequest(signal: signal.rawValue, target: recipient)))
        } catch {
            // It goes on without the process of the helper that had looked after it, and nobody else may signal it.
            throw error == .noSuchProcess && child.isRunning ? .notPermitted : error
        }
    }

    func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        let milliseconds = UInt32(clamping: max(0, gracePeriod.milliseconds))
        let isAsked = await ask(.terminate(gracePeriodMilliseconds: milliseconds))
        // One that ends with the helper is about to.
        if !isAsked, !endsWithDaemon, child.isRunning { throw unreachable }
        let patience = max(.zero, gracePeriod) + Self.remainderPatience
        var report = try await end.value(askingAt: .now + patience, on: reactor) { [self] in hanging }
        guard let controlGroup else { return report }
        // The helper goes with the last process of a job, or when it is ended itself.
        var delay = Duration.milliseconds(1)
        let deadline = ContinuousClock.now + patience
        while connection.socket.descriptor.rawValue >= 0, ContinuousClock.now < deadline {
            await reactor.pause(delay)
            delay = min(delay * 2, .milliseconds(100))
        }
        if connection.socket.descriptor.rawValue >= 0 || Self.isPopulated(controlGroup) {
            report.remainingProcesses = max(1, report.remainingProcesses)
        }
        return report
    }

    /// Whether a process is left in a group; one that is not there, or not to be seen from here, has none.
    private static func isPopulated(_ group: FilePath) -> Bool {
        (try? ProcFile.read(group.appending("cgroup.events")))?.split(separator: "\n").contains("populated 1") ?? false
    }

    /// Asks the helper for something, also when it has not read yet what it was asked for before.
    ///
    /// - Returns: Whether the helper is there.
    private func ask(_ message: ClientMessage) async -> Bool {
        let deadline = ContinuousClock.now + Self.remainderPatience
        while ContinuousClock.now < deadline {
            do throws(Errno) {
                try tell(message)
                return true
            } catch .resourceTemporarilyUnavailable {
                await reactor.pause(.milliseconds(10))
            } catch {
                return false
            }
        }
        return true
    }

    /// Nobody but the helper may signal the job.
    private var unreachable: LaunchError {
        LaunchError(
            .helperLost,
            step: .wait,
            backend: .helper,
            message: "process \(child.processID) cannot be ended, because the process of the system helper that looked "
                + "after it is gone; end it by hand, as root"
        )
    }

    /// What is told to those who end a job that does not end; it is waited for all the same.
    private var hanging: LaunchError? {
        // The end is about to be told, or given up.
        guard child.isRunning else { return nil }
        guard !isHelperGone.load(ordering: .relaxed) else { return unreachable }
        return LaunchError(
            .stillRunning,
            step: .wait,
            backend: .helper,
            message: "process \(child.processID) was to be killed by the helper and has not ended: it stands in the "
                + "kernel, mostly for a file system that does not answer (FUSE, NFS), and ends when that does; "
                + "/proc/\(child.processID)/stack tells where"
        )
    }

    private func tell(_ message: ClientMessage) throws(Errno) {
        do throws(Errno) {
            try connection.send(message)
        } catch {
            // The connection was closed with the end of everything.
            throw [.brokenPipe, .badFileDescriptor].contains(error) ? .noSuchProcess : error
        }
    }

    private func outcome(of report: HelperExitReport) -> JobEnd.Outcome {
        guard report.code == .unknown else { return .success(exit(of: report)) }
        return .failure(
            LaunchError(
                .statusLost,
                step: .wait,
                backend: .helper,
                message:
                    "the job has ended, but a process that traces it holds its exit status back, or the kernel has taken that; "
                    + "end the tracer, a process of the same account"
            )
        )
    }

    private func exit(of report: HelperExitReport) -> ExitReport {
        let captured = streams.finish()
        var exit = ExitReport(
            status: report.code == .exited
                ? .exited(report.status)
                : .signaled(Signal(rawValue: report.status), coreDumped: report.code == .dumped),
            usage: ResourceUsage(
                wallTime: .microseconds(Int64(clamping: report.wallMicroseconds)),
                userTime: .microseconds(Int64(clamping: report.userMicroseconds)),
                systemTime: .microseconds(Int64(clamping: report.systemMicroseconds)),
                peakResidentBytes: report.peakResidentBytes == 0 ? nil : Int(clamping: report.peakResidentBytes),
                inputBlocks: Int(clamping: report.blockInputOperations),
                outputBlocks: Int(clamping: report.blockOutputOperations)
            ),
            standardOutput: captured.output,
            standardError: captured.error
        )
        exit.treePeaks = report.groupPeaks.map {
            ProcessTreePeaks(memoryBytes: $0.memoryBytes, processes: $0.processes)
        }
        exit.remainingProcesses = Int(report.remainingProcesses)
        return exit
    }

    /// The first end counts.
    private func finish(_ outcome: JobEnd.Outcome) {
        guard !end.isKnown else { return }
        if let alarm = alarm.withLock({ $0.take() }) { reactor.cancel(alarm) }
        var outcome = outcome
        let captured = streams.finish()
        if case .success(var report) = outcome {
            report.standardOutput = report.standardOutput ?? captured.output
            report.standardError = report.standardError ?? captured.error
            outcome = .success(report)
        }
        // What the job has left running may end with this connection, so it lasts as long as that, or this process.
        switch outcome {
        case .success: Self.stay(connection, on: reactor)
        case .failure(let error) where error.code == .statusLost: Self.stay(connection, on: reactor)
        case .failure: connection.socket.descriptor.closeNow()
        }
        end.settle(outcome)
    }

    /// Waits until the helper has nothing more to do for the job; what waits holds nothing of it.
    private static func stay(_ connection: HelperConnection, on reactor: Reactor) {
        do throws(Errno) {
            try reactor.wait(for: connection.socket.descriptor.rawValue, .reading) { _ in
                switch connection.receive() {
                case .message, .nothing: stay(connection, on: reactor)
                case .otherVersion, .end: connection.socket.descriptor.closeNow()
                }
            }
        } catch {
            // The kernel has no place for one more wait; the end of the connection would end what is to go on.
            guard connection.socket.descriptor.rawValue >= 0 else { return }
            _ = reactor.alarm(at: .now + .milliseconds(100)) { stay(connection, on: reactor) }
        }
    }

    var reference: JobReference? {
        .of(child, controlGroup: controlGroup, adoptionSocket: adoptionSocket)
    }

    func takeStandardInput() -> FileDescriptor? { streams.inputPipe?.take() }

    func takeStandardOutput() -> FileDescriptor? { streams.outputPipe?.take() }

    func takeStandardError() -> FileDescriptor? { streams.errorPipe?.take() }

    var standardInput: ProcessInput? { streams.input }

    var standardOutput: ProcessOutput? { streams.output }

    var standardError: ProcessOutput? { streams.error }

    var terminal: PseudoTerminal? { streams.terminal }
}
