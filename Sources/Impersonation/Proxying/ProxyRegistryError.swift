/// A registry of grants and bindings could not be read or written.
public struct ProxyRegistryError: Error, Sendable {
    /// What kind of failure it was; stable across versions.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code as reports and logs spell it.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// The store could not be reached or read.
        public static let unavailable = Code("registryUnavailable")

        /// The change would let a proxy account act for others.
        public static let proxyMayNotProxy = Code("proxyMayNotProxy")

        /// A login needs no grant for itself.
        public static let selfGrant = Code("selfGrant")
    }

    /// What kind of failure it was.
    public let code: Code

    /// What happened, to which login and account, and what to do about it.
    public let message: String

    /// The failure underneath.
    public let underlyingError: (any Error)?

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: What kind of failure it was.
    ///   - message: What happened, to which login and account, and what to do about it.
    ///   - underlyingError: The failure underneath.
    public init(_ code: Code, message: String, underlyingError: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlyingError = underlyingError
    }
}

extension ProxyRegistryError: CustomStringConvertible {
    /// One line for a person.
    public var description: String { "\(code.description): \(message)" }
}
