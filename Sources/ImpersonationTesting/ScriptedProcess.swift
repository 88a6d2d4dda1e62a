public import Impersonation
import Synchronization
public import SystemPackage

/// A process that exists in a test only: it runs until the test ends it and keeps every signal it was sent.
public final class ScriptedProcess: ProcessControl {
    private struct State {
        var end: Result<ExitReport, LaunchError>?
        var waiting: [CheckedContinuation<Result<ExitReport, LaunchError>, Never>] = []
        var signals: [Signal] = []
        var isAsked = false
    }

    private let state: Mutex<State>

    /// What writes to its standard input, as the test has made it.
    public let standardInput: ProcessInput?

    /// What it writes to its standard output, as the test has made it.
    public let standardOutput: ProcessOutput?

    /// What it writes to its standard error, as the test has made it.
    public let standardError: ProcessOutput?

    /// The other side of its terminal, as the test has made it; it ends with the process.
    public let terminal: PseudoTerminal?

    /// Creates a process.
    ///
    /// Its streams are made of descriptors, whose other ends are the test's: what it reads is what the test writes there.
    ///
    /// ```swift
    /// let pipe = try FileDescriptor.pipe()
    /// let output = try ProcessOutput(takingOver: pipe.readEnd, account: identity.account.userID)
    /// let process = ScriptedProcess(standardOutput: output)
    /// ```
    ///
    /// - Parameters:
    ///   - end: How it has ended already, or `nil` for one that runs.
    ///   - standardInput: What writes to its standard input.
    ///   - standardOutput: What it writes to its standard output.
    ///   - standardError: What it writes to its standard error.
    ///   - terminal: The other side of its terminal.
    public init(
        end: ExitReport? = nil,
        standardInput: ProcessInput? = nil,
        standardOutput: ProcessOutput? = nil,
        standardError: ProcessOutput? = nil,
        terminal: PseudoTerminal? = nil
    ) {
        state = Mutex(State(end: end.map { .success($0) }))
        self.standardInput = standardInput
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.terminal = terminal
        if end != nil { terminal?.endWithJob() }
    }

    /// Every signal it was sent while it ran, in order.
    public var signals: [Signal] {
        state.withLock { $0.signals }
    }

    /// Ends the process; the first end counts.
    ///
    /// - Parameter end: How it ended, or that its status was lost.
    public func end(_ end: Result<ExitReport, LaunchError>) {
        let waiting = state.withLock { state in
            guard state.end == nil else { return [CheckedContinuation<Result<ExitReport, LaunchError>, Never>]() }
            state.end = end
            defer { state.waiting = [] }
            return state.waiting
        }
        terminal?.endWithJob()
        for continuation in waiting { continuation.resume(returning: end) }
    }

    /// Waits until the test has ended the process.
    public func exitReport() async throws(LaunchError) -> ExitReport {
        let end = await withCheckedContinuation { continuation in
            let end = state.withLock { state in
                if state.end == nil { state.waiting.append(continuation) }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
        return try end.get()
    }

    /// Whether the test has ended the process.
    public var hasEnded: Bool { state.withLock { $0.end != nil } }

    /// Whether the test has not ended the process.
    public var isRunning: Bool { !hasEnded }

    /// Keeps the signal, whoever it is for.
    ///
    /// - Parameters:
    ///   - signal: The signal.
    ///   - target: Who gets it.
    /// - Throws: `Errno.noSuchProcess` once the process has ended.
    public func send(_ signal: Signal, to target: SignalTarget) throws(Errno) {
        let isRunning = state.withLock { state in
            guard state.end == nil else { return false }
            state.signals.append(signal)
            return true
        }
        guard isRunning else { throw .noSuchProcess }
    }

    /// Keeps `SIGTERM`, once however often it is called, and waits until the test has ended the process; `SIGKILL` is never sent.
    ///
    /// - Parameter gracePeriod: Not waited for.
    /// - Returns: How the test has ended the process.
    /// - Throws: What the test has ended it with.
    public func terminate(gracePeriod: Duration) async throws(LaunchError) -> ExitReport {
        let isNew = state.withLock { state in
            defer { state.isAsked = true }
            return !state.isAsked
        }
        if isNew { try? send(.terminate, to: .group) }
        return try await exitReport()
    }

    /// Has no pipe.
    public func takeStandardInput() -> FileDescriptor? { nil }

    /// Has no pipe.
    public func takeStandardOutput() -> FileDescriptor? { nil }

    /// Has no pipe.
    public func takeStandardError() -> FileDescriptor? { nil }
}
