public import FoundationEssentials

/// Which registration of a credential is meant: it grows with each one and never returns.
public struct CredentialVersion: Sendable, Hashable, Comparable, RawRepresentable {
    /// The number, from one.
    public let rawValue: Int64

    /// Creates a version from its number.
    ///
    /// - Parameter rawValue: The number, from one.
    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    /// Returns whether one version was registered before another.
    public static func < (left: CredentialVersion, right: CredentialVersion) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// What came of using a credential.
public enum CredentialVerdict: Sendable, Hashable {
    /// It was accepted.
    case accepted

    /// It was rejected, and why.
    ///
    /// Only a judgement on the credential or its account is a rejection. When nobody could judge, because the domain
    /// could not be reached or the worker lacked a privilege, there is no verdict to record.
    case rejected(BadLogin.Reason)
}

/// Whether a registered credential may be used.
public enum CredentialCheck: Sendable, Hashable {
    /// This version may be used.
    case usable(CredentialVersion)

    /// None may be used, and why.
    case badLogin(BadLogin)
}

/// What is known of the credential of an account; never the credential itself.
public struct CredentialStatus: Sendable, Hashable {
    /// The account.
    public let account: AccountName

    /// The current version.
    public let version: CredentialVersion

    /// When the current version was registered.
    public let registered: Date

    /// When the current version was last accepted.
    public let lastAccepted: Date?

    /// When and why the current version was last rejected, if it ever was.
    ///
    /// Only a newer version lifts a rejection.
    public let rejection: Rejection?

    /// A rejected attempt.
    public struct Rejection: Sendable, Hashable {
        /// When the credential was rejected.
        public let date: Date

        /// Why it was rejected.
        public let reason: BadLogin.Reason

        /// Creates a rejection.
        ///
        /// - Parameters:
        ///   - date: When the credential was rejected.
        ///   - reason: Why it was rejected.
        public init(date: Date, reason: BadLogin.Reason) {
            self.date = date
            self.reason = reason
        }
    }

    /// Creates a status.
    ///
    /// - Parameters:
    ///   - account: The account.
    ///   - version: The current version.
    ///   - registered: When the current version was registered.
    ///   - lastAccepted: When the current version was last accepted.
    ///   - rejection: When and why the current version was last rejected.
    public init(
        account: AccountName,
        version: CredentialVersion,
        registered: Date,
        lastAccepted: Date?,
        rejection: Rejection?
    ) {
        self.account = account
        self.version = version
        self.registered = registered
        self.lastAccepted = lastAccepted
        self.rejection = rejection
    }
}
