/// An implementation does not keep a promise of the protocol it conforms to.
public struct ConformanceFailure: Error, Sendable {
    /// The promise, as ``ConformanceRequirement/name`` spells it.
    public let requirement: String

    /// What was expected and what was found instead.
    public let message: String

    /// The error the implementation threw where it should not have, if that is what broke the promise.
    public let underlyingError: (any Error)?

    /// Creates a failure.
    ///
    /// - Parameters:
    ///   - requirement: The promise.
    ///   - message: What was expected and what was found instead.
    ///   - underlyingError: The error the implementation threw where it should not have.
    public init(requirement: String, message: String, underlyingError: (any Error)? = nil) {
        self.requirement = requirement
        self.message = message
        self.underlyingError = underlyingError
    }
}

extension ConformanceFailure: CustomStringConvertible {
    /// One line for a person.
    public var description: String { "\(requirement): \(message)" }
}
