public import Impersonation
import Synchronization

/// A launcher for tests: it starts nothing, keeps what it was asked to start, and does what the test wrote down.
public final class RecordingLauncher: ProcessLauncher {
    /// What comes of one launch, or of taking one job over.
    public enum Outcome: Sendable {
        /// The process starts and has ended at once.
        case ends(ExitReport)

        /// The process starts and runs until the test ends it.
        case runs(ScriptedProcess)

        /// The process cannot be started, or taken over.
        case fails(LaunchError)
    }

    /// What a launch was asked for.
    public struct Launch: Sendable, Hashable {
        /// What was to be run.
        public let command: Command

        /// Whom it was to run as.
        public let identity: ExecutionIdentity
    }

    /// What was asked for to take a job over.
    public struct Adoption: Sendable, Hashable {
        /// The job.
        public let reference: JobReference

        /// Whom it was to run as.
        public let identity: ExecutionIdentity
    }

    private struct State {
        var script: [Outcome]
        var launches: [Launch] = []
        var adoptions: [Adoption] = []

        mutating func next() -> Outcome {
            script.isEmpty ? .ends(ExitReport(status: .exited(0))) : script.removeFirst()
        }
    }

    /// The backend it passes for.
    public let backend: LaunchBackend

    /// Whether it wants a credential.
    public let requiresCredential: Bool

    private let state: Mutex<State>

    /// Creates a launcher.
    ///
    /// - Parameters:
    ///   - backend: The backend it passes for.
    ///   - requiresCredential: Whether it wants a credential.
    ///   - script: What comes of launches and of jobs that are taken over, one after the other; afterwards every process exits
    ///     with zero.
    public init(backend: LaunchBackend = .setuid, requiresCredential: Bool = false, script: [Outcome] = []) {
        self.backend = backend
        self.requiresCredential = requiresCredential
        state = Mutex(State(script: script))
    }

    /// Everything it was asked to start, in order, failures included.
    public var launches: [Launch] {
        state.withLock { $0.launches }
    }

    /// Every job that it was asked to take over, in order, failures included.
    public var adoptions: [Adoption] {
        state.withLock { $0.adoptions }
    }

    /// Keeps the launch and does what the script says.
    ///
    /// The process ids count from 1.
    ///
    /// - Parameters:
    ///   - command: What is run.
    ///   - identity: Whom it runs as.
    /// - Returns: A process that exists in the test only.
    /// - Throws: ``Impersonation/LaunchError`` when the script says so.
    public func launch(
        _ command: Command,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        let (number, outcome) = state.withLock { state in
            state.launches.append(Launch(command: command, identity: identity))
            return (state.launches.count, state.next())
        }
        return try process(Int32(number), as: identity, outcome)
    }

    /// Keeps what was to be taken over and does what the script says.
    ///
    /// - Parameters:
    ///   - reference: The job.
    ///   - identity: Whom it runs as.
    /// - Returns: A process that exists in the test only, with the number of the reference.
    /// - Throws: ``Impersonation/LaunchError`` when the script says so.
    public func adopt(
        _ reference: JobReference,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        let outcome = state.withLock { state in
            state.adoptions.append(Adoption(reference: reference, identity: identity))
            return state.next()
        }
        return try process(reference.processID, as: identity, outcome)
    }

    private func process(
        _ number: Int32,
        as identity: ExecutionIdentity,
        _ outcome: Outcome
    ) throws(LaunchError) -> LaunchedProcess {
        let process =
            switch outcome {
            case .ends(let report): ScriptedProcess(end: report)
            case .runs(let process): process
            case .fails(let error): throw error
            }
        return LaunchedProcess(
            identity: identity,
            report: LaunchReport(
                backend: backend,
                processID: ProcessID(rawValue: number),
                workingDirectory: identity.account.homeDirectory
            ),
            control: process
        )
    }
}
