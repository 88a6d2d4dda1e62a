/// A credential store could not be read or written, or a secret could not be kept.
///
/// It never holds any part of a secret.
public struct CredentialStoreError: Error, Sendable {
    /// What kind of failure it was; stable across versions.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code as reports and logs spell it.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// The store could not be reached or read.
        public static let unavailable = Code("storeUnavailable")

        /// No credential is registered for the account.
        public static let notFound = Code("credentialMissing")

        /// The version asked for is not the current one any more.
        public static let superseded = Code("credentialSuperseded")

        /// The current version was rejected and is not opened again.
        public static let rejected = Code("credentialRejected")

        /// The secret is empty, longer than ``Secret/maximumLength``, or holds a NUL.
        public static let invalidSecret = Code("invalidSecret")

        /// Memory for the secret could not be locked.
        public static let memoryUnavailable = Code("memoryUnavailable")
    }

    /// What kind of failure it was.
    public let code: Code

    /// What happened, to which account, and what to do about it.
    public let message: String

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: What kind of failure it was.
    ///   - message: What happened, to which account, and what to do about it.
    public init(_ code: Code, message: String) {
        self.code = code
        self.message = message
    }
}

extension CredentialStoreError: CustomStringConvertible {
    /// One line for a person.
    public var description: String { "\(code.description): \(message)" }
}
