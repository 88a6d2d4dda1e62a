import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import Synchronization
import SystemPackage

/// A job that the system helper has started and looks after, as its daemon sees it: a descriptor of the process, and the
/// connection that tells its end.
final class HelpedProcess: ProcessControl {
    private struct State {
        var end: Result<ExitReport, LaunchError>?
        var waiters: [CheckedContinuation<Result<ExitReport, LaunchError>, Never>] = []
        /// Whether the helper has nothing more to do for the job.
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    /// How long a job may take to go with the helper that looked after it.
    private static let farewell = Duration.seconds(10)

    private let child: StartedChild
    private let connection: HelperConnection
    private let streams: JobStreams
    private let reactor: Reactor
    private let endsWithDaemon: Bool
    private let controlGroup: FilePath?
    private let adoptionSocket: FilePath?
    private let began = ContinuousClock.now
    private let state = Mutex(State())

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
        case .message(.exited(let report), _):
            finish(.success(exit(of: report)))
            // What the job has left running ends with this connection, so it lasts as long as that, or this process.
            listen()
        case .nothing: listen()
        case .message, .end:
            if state.withLock({ $0.end != nil }) { close() } else { helperIsGone() }
        }
    }

    private func close() {
        connection.socket.descriptor.closeNow()
        let closers = state.withLock { state in
            state.isClosed = true
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    /// Waits until the helper has nothing more to do for the job.
    private func closed() async {
        await withCheckedContinuation { continuation in
            let isClosed = state.withLock { state in
                if !state.isClosed { state.closers.append(continuation) }
                return state.isClosed
            }
            if isClosed { continuation.resume() }
        }
    }

    /// A job that ends with its daemon ends with its helper too; one that outlives both is waited for by the kernel's word.
    private func helperIsGone() {
        let deadline = endsWithDaemon ? ContinuousClock.now + Self.farewell : nil
        do throws(Errno) {
            try reactor.wait(for: child.processDescriptor.rawValue, .reading, until: deadline) { [self] outcome in
                finish(endWithoutHelper(hasEnded: outcome == .ready))
                close()
            }
        } catch {
            finish(endWithoutHelper(hasEnded: false))
            close()
        }
    }

    private func endWithoutHelper(hasEnded: Bool) -> Result<ExitReport, LaunchError> {
        var exit = launch_exit()
        let isKnown = unsafe hasEnded && launch_exit_of_reaped(child.processDescriptor.rawValue, &exit) == 0
        if isKnown, !endsWithDaemon {
            return .success(
                ExitReport(
                    status: exit.code == CLD_EXITED
                        ? .exited(exit.status)
                        : .signaled(Signal(rawValue: exit.status), coreDumped: exit.code == CLD_DUMPED)
                )
            )
        }
        let rest =
            switch (hasEnded, endsWithDaemon) {
            case (true, true): "and the job was ended with it"
            case (true, false): "and the job has ended since, nobody knows how"
            case (false, _): "and process \(child.processID) of the job still runs; end it by hand"
            }
        return .failure(
            LaunchError(
                .helperLost,
                step: .wait,
                backend: .helper,
                message: "the system helper ended while the job ran, \(rest); look at the helper's log"
            )
        )
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

    func send(_ signal: Signal, to target: SignalTarget) throws(Errno) {
        // What the job has left behind in its cgroup can be signalled when its first process has ended.
        let hasRemainder = target == .tree && controlGroup != nil
        guard state.withLock({ $0.end == nil || hasRemainder && !$0.isClosed }) else { throw .noSuchProcess }
        guard (1...64).contains(signal.rawValue) else { throw .invalidArgument }
        let recipient: SignalRequest.Target =
            switch target {
            case .process: .process
            case .group: .group
            case .tree: .tree
            }
        try tell(.signal(SignalRequest(signal: signal.rawValue, target: recipient)))
    }

    func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        let milliseconds = UInt32(clamping: max(0, gracePeriod.milliseconds))
        try? tell(.terminate(gracePeriodMilliseconds: milliseconds))
        let report = try await exitReport()
        let alarm = reactor.alarm(at: .now + Self.farewell) { [self] in close() }
        defer { reactor.cancel(alarm) }
        await closed()
        return report
    }

    private func tell(_ message: ClientMessage) throws(Errno) {
        do throws(Errno) {
            try connection.send(message)
        } catch {
            throw error == .brokenPipe ? .noSuchProcess : error
        }
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
    private func finish(_ end: Result<ExitReport, LaunchError>) {
        var end = end
        let captured = streams.finish()
        if case .success(var report) = end {
            report.standardOutput = report.standardOutput ?? captured.output
            report.standardError = report.standardError ?? captured.error
            end = .success(report)
        }
        let waiters = state.withLock { state in
            if state.end == nil { state.end = end }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: end) }
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
