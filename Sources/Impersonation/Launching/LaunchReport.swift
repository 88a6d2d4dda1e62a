public import SystemPackage

/// What is known of the start of a process.
public struct LaunchReport: Sendable, Hashable {
    /// The backend that started it.
    public var backend: LaunchBackend

    /// The process id.
    public var processID: ProcessID

    /// The directory it started in; empty for a job that was taken over.
    public var workingDirectory: FilePath

    /// The names of the submitter's variables that were left out of the environment.
    public var omittedVariables: [String]

    /// How long the stages of the start took.
    public var timings: LaunchTimings

    /// From the call to the confirmed start: the sum of ``timings``.
    public var startTime: Duration { timings.total }

    /// What holds the processes of the job together.
    public var containment: Containment

    /// Who besides the child itself has said that it became what it was to become.
    public var attestation: Attestation

    /// The session of PAM that the job has; `nil` where it has none.
    public var session: JobSession?

    /// Creates a report.
    ///
    /// - Parameters:
    ///   - backend: The backend that started it.
    ///   - processID: The process id.
    ///   - workingDirectory: The directory it started in.
    ///   - omittedVariables: The names of the submitter's variables that were left out.
    ///   - timings: How long the stages of the start took.
    ///   - containment: What holds the processes of the job together.
    ///   - attestation: Who besides the child itself has said what it became.
    ///   - session: The session of PAM that the job has.
    public init(
        backend: LaunchBackend,
        processID: ProcessID,
        workingDirectory: FilePath,
        omittedVariables: [String] = [],
        timings: LaunchTimings = LaunchTimings(),
        containment: Containment = .session,
        attestation: Attestation = .none(.notAskedFor),
        session: JobSession? = nil
    ) {
        self.backend = backend
        self.processID = processID
        self.workingDirectory = workingDirectory
        self.omittedVariables = omittedVariables
        self.timings = timings
        self.containment = containment
        self.attestation = attestation
        self.session = session
    }
}
