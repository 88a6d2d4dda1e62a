public import SystemPackage

/// What is known of the start of a process.
public struct LaunchReport: Sendable, Hashable {
    /// The backend that started it.
    public var backend: LaunchBackend

    /// The process id.
    public var processID: ProcessID

    /// The directory it started in.
    public var workingDirectory: FilePath

    /// The names of the submitter's variables that were left out of the environment.
    public var omittedVariables: [String]

    /// From the call to the confirmed start.
    public var startTime: Duration

    /// What holds the processes of the job together.
    public var containment: Containment

    /// Creates a report.
    ///
    /// - Parameters:
    ///   - backend: The backend that started it.
    ///   - processID: The process id.
    ///   - workingDirectory: The directory it started in.
    ///   - omittedVariables: The names of the submitter's variables that were left out.
    ///   - startTime: From the call to the confirmed start.
    ///   - containment: What holds the processes of the job together.
    public init(
        backend: LaunchBackend,
        processID: ProcessID,
        workingDirectory: FilePath,
        omittedVariables: [String] = [],
        startTime: Duration = .zero,
        containment: Containment = .session
    ) {
        self.backend = backend
        self.processID = processID
        self.workingDirectory = workingDirectory
        self.omittedVariables = omittedVariables
        self.startTime = startTime
        self.containment = containment
    }
}
