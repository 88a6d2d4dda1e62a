import Dispatch
import Glibc
import Impersonation
import Synchronization
import SystemPackage

/// A process of ``ForeignLauncher``.
final class ForeignProcess: ProcessControl {
    /// Whether the number of the process is free.
    private final class Life: Sendable {
        let isOver = Mutex(false)
    }

    let processID: pid_t
    let standardInput: ProcessInput?
    let standardOutput: ProcessOutput?
    let terminal: PseudoTerminal?

    private let life: Life
    private let end: Task<ExitReport, Never>

    init(_ processID: pid_t, _ input: ProcessInput?, _ output: ProcessOutput?, _ terminal: PseudoTerminal?) {
        self.processID = processID
        standardInput = input
        standardOutput = output
        self.terminal = terminal
        let life = Life()
        self.life = life
        end = Task.detached {
            let report = await withCheckedContinuation { continuation in
                // The wait blocks, which the threads of the concurrency pool must not.
                DispatchQueue(label: "waiting")
                    .async { continuation.resume(returning: Self.wait(for: processID, life)) }
            }
            terminal?.endWithJob()
            return report
        }
    }

    private static func wait(for process: pid_t, _ life: Life) -> ExitReport {
        var information = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        var status: Int32 = 0
        life.isOver.withLock { isOver in
            while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
            isOver = true
        }
        let signal = status & 0x7F
        guard signal != 0 else { return ExitReport(status: .exited(status >> 8 & 0xFF)) }
        return ExitReport(status: .signaled(Signal(rawValue: signal), coreDumped: status & 0x80 != 0))
    }

    func exitReport() async throws(LaunchError) -> ExitReport { await end.value }

    var hasEnded: Bool { life.isOver.withLock { $0 } }

    var isRunning: Bool { !hasEnded }

    func send(_ signal: Signal, to target: SignalTarget) throws(Errno) {
        try life.isOver.withLock { isOver throws(Errno) in
            guard !isOver else { throw .noSuchProcess }
            guard kill(target == .process ? processID : -processID, signal.rawValue) == 0 else {
                throw Errno(rawValue: errno)
            }
        }
    }

    func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        try? send(.terminate, to: .group)
        let killer = Task {
            try await Task.sleep(for: gracePeriod)
            try send(.kill, to: .group)
        }
        defer { killer.cancel() }
        return await end.value
    }

    func takeStandardInput() -> FileDescriptor? { nil }

    func takeStandardOutput() -> FileDescriptor? { nil }

    func takeStandardError() -> FileDescriptor? { nil }
}
