/// Nothing could be decided, so nothing runs.
public struct ResolutionError: Error, Sendable {
    /// What kind of failure it was; stable across versions.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code as reports and logs spell it.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// The name service could not be asked.
        ///
        /// Worth a retry.
        public static let directoryUnavailable = Code("directoryUnavailable")

        /// The name service has answered, and its answers contradict each other, the question, or what a rule goes by.
        ///
        /// Asking again changes nothing: two accounts share a name, a name service is set up so that domains run into each other, a
        /// group that a rule denies is not there. Nobody's account is meant for certain, so this is no denial of one.
        public static let directoryInconsistent = Code("directoryInconsistentAnswer")

        /// The registry of grants and bindings could not be asked.
        public static let registryUnavailable = Code("registryUnavailable")

        /// The policy itself contradicts itself or is incomplete.
        public static let invalidPolicy = Code("invalidPolicy")

        /// The task that asked was cancelled before anything was decided.
        public static let cancelled = Code("resolutionCancelled")
    }

    /// What kind of failure it was.
    public let code: Code

    /// What could not be decided, for which account, and what to do about it.
    public let message: String

    /// The failure underneath.
    public let underlyingError: (any Error)?

    /// The rules that had been applied by then.
    public let explanation: Explanation

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: What kind of failure it was.
    ///   - message: What could not be decided, for which account, and what to do about it.
    ///   - underlyingError: The failure underneath.
    ///   - explanation: The rules that had been applied by then.
    public init(
        _ code: Code,
        message: String,
        underlyingError: (any Error)? = nil,
        explanation: Explanation = Explanation()
    ) {
        self.code = code
        self.message = message
        self.underlyingError = underlyingError
        self.explanation = explanation
    }
}

extension ResolutionError: CustomStringConvertible {
    /// One line for a person.
    public var description: String { "\(code.description): \(message)" }
}
