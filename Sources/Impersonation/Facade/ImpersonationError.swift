/// A request could not be decided, written down or carried out.
///
/// Nothing of the job has run, but for what ``ProcessLauncher`` says of the code ``Code/launchFailed``.
public struct ImpersonationError: Error, Sendable {
    /// Which stage of the way failed; stable across versions.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code as reports and logs spell it.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// Nothing could be decided: ``ResolutionError``.
        public static let resolutionFailed = Code("resolutionFailed")

        /// The credential store could not be asked: ``CredentialStoreError``.
        public static let credentialStoreFailed = Code("credentialStoreFailed")

        /// The decision could not be written to the audit log: ``AuditLogError``.
        public static let auditFailed = Code("auditFailed")

        /// The process could not be started, or taken over: ``LaunchError``.
        public static let launchFailed = Code("launchFailed")
    }

    /// Which stage of the way failed.
    public let code: Code

    /// What happened, to which account, and what to do about it.
    public let message: String

    /// What had been decided by then, when the request came that far.
    public let resolution: Resolution?

    /// The rules that had been applied by then.
    public let explanation: Explanation

    /// The failure underneath: of the type that ``code`` names.
    public let underlyingError: any Error

    init(_ error: ResolutionError) {
        code = .resolutionFailed
        message = error.message
        resolution = nil
        explanation = error.explanation
        underlyingError = error
    }

    init(_ error: CredentialStoreError, after resolution: Resolution) {
        self.init(.credentialStoreFailed, message: error.message, after: resolution, underlyingError: error)
    }

    init(_ error: AuditLogError, after resolution: Resolution?, explanation: Explanation) {
        code = .auditFailed
        message = "nothing was run, because the decision could not be written down: \(error)"
        self.resolution = resolution
        self.explanation = explanation
        underlyingError = error
    }

    init(_ error: LaunchError, after resolution: Resolution) {
        self.init(.launchFailed, message: error.message, after: resolution, underlyingError: error)
    }

    private init(_ code: Code, message: String, after resolution: Resolution, underlyingError: any Error) {
        self.code = code
        self.message = message
        self.resolution = resolution
        self.explanation = resolution.explanation
        self.underlyingError = underlyingError
    }

    /// The failed launch, with its step and error number, when the launch is what failed.
    public var launchError: LaunchError? { underlyingError as? LaunchError }
}

extension ImpersonationError: CustomStringConvertible {
    /// One line for a person.
    public var description: String { "\(code.description): \(underlyingError)" }
}
